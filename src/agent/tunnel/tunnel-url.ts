import { TUNNEL_PATH } from "../../protocol/index.js";
import { TreewireError } from "../../util/index.js";

const SCHEMES: Record<string, string> = { "http:": "ws:", "https:": "wss:", "ws:": "ws:", "wss:": "wss:" };

/**
 * The address of the tunnel behind a relay's URL. A path before it (a relay behind a proxy's prefix) is kept.
 *
 * @param text `http://`, `https://`, `ws://` or `wss://`, host, and perhaps port and path
 * @throws TreewireError `TW_BAD_URL`
 */
export function tunnelUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const scheme = SCHEMES[url?.protocol ?? ""];
  if (url === undefined || scheme === undefined) throw new TreewireError("TW_BAD_URL", text);
  if (url.username !== "" || url.password !== "") {
    // not repeated: the subject of an error ends up in logs
    throw new TreewireError("TW_BAD_URL", url.host, { detail: "a user name or password does not belong in it" });
  }
  if (url.search !== "" || url.hash !== "") {
    throw new TreewireError("TW_BAD_URL", `${url.origin}${url.pathname}`, { detail: "no ? or # belongs in it" });
  }
  return new URL(`${scheme}//${url.host}${url.pathname.replace(/\/+$/, "")}${TUNNEL_PATH}`);
}
