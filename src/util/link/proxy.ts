import { request } from "node:http";
import type { Duplex } from "node:stream";
import { messageOf, systemCode } from "../errors.js";
import { DialError, type DialFailure } from "./dial-failure.js";
import { passing } from "./words.js";

/**
 * Has an HTTP proxy connect to a host (RFC 9110, 9.3.6). What is pending ends when the stream is destroyed.
 *
 * @param stream to the proxy, and from then on to the host
 * @param proxy its URL, with the user and password to enter with
 * @param target `HOST:PORT`
 * @throws DialError
 */
export function connectThrough(stream: Duplex, proxy: URL, target: string): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const fail = (why: string, cause?: unknown) => {
      stream.destroy();
      reject(new DialError(passing("proxy", why), cause));
    };
    const asking = request({
      method: "CONNECT",
      path: target,
      headers: { Host: target, "Proxy-Connection": "close", ...credentials(proxy) },
      createConnection: () => stream,
    });
    asking.once("connect", ({ statusCode = 0 }, _stream, head) => {
      if (statusCode < 200 || statusCode > 299) {
        stream.destroy();
        reject(new DialError(proxyRefusal(proxy, target, statusCode)));
        return;
      }
      if (head.length > 0) stream.unshift(head);
      resolve(stream);
    });
    asking.once("error", (error) => {
      const code = systemCode(error) ?? messageOf(error);
      const isHttp = !code.startsWith("HPE_");
      const why = isHttp ? "cut the connection instead of answering CONNECT" : "does not speak HTTP";
      fail(`the proxy ${proxy.host} ${why} (${code})`, error);
    });
    asking.end();
  });
}

function proxyRefusal(proxy: URL, target: string, status: number): DialFailure {
  const said =
    status === 407
      ? "wants another user and password (HTTP 407): see HTTPS_PROXY"
      : status >= 500
        ? `does not reach ${target} (HTTP ${status})`
        : `does not let ${target} through (HTTP ${status})`;
  return { ...passing("proxy", `the proxy ${proxy.host} ${said}`), status };
}

function credentials({ username, password }: URL): Record<string, string> {
  if (username === "" && password === "") return {};
  const both = `${decoded(username)}:${decoded(password)}`;
  return { "Proxy-Authorization": `Basic ${Buffer.from(both).toString("base64")}` };
}

/** A `%` that encodes nothing stands for itself. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
