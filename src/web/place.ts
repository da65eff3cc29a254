/** Where the page stands: everything is asked for relatively, so that the relay may live below a path. */
export interface Place {
  /** The relay's own root, with `/` at the end. */
  relay: URL;
  /** The chat that the address names. */
  chat: string | undefined;
}

/** @param address the page's: `…/` or `…/view/{chat}` */
export function placeOf(address: string): Place {
  const url = new URL(address);
  const [, prefix = "/", chat] = /^(.*\/)view\/([^/]+)\/?$/.exec(url.pathname) ?? [];
  const path = chat === undefined ? url.pathname.replace(/[^/]*$/, "") : prefix;
  return { relay: new URL(path, url.origin), chat: chat === undefined ? undefined : decodeURIComponent(chat) };
}

/** What a link carries behind `#`: a token, or an invite. */
export type Key = { token: string } | { invite: string };

/** @param fragment with or without `#` */
export function keyOf(fragment: string): Key | undefined {
  const text = fragment.replace(/^#/, "");
  if (text.startsWith("view-")) return { invite: text.slice("view-".length) };
  const token = new URLSearchParams(text).get("token");
  return token === null || token === "" ? undefined : { token };
}
