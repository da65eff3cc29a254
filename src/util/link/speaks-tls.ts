import { connect } from "node:tls";

/** How long a server has to begin TLS, in milliseconds. */
const LIMIT_MS = 3_000;

/**
 * Whether a server speaks TLS at the place of a URL: for the words to whoever wrote `http` and meant `https`. Its certificate is
 * not looked at, and nothing is sent.
 */
export function speaksTls({ hostname, port }: URL): Promise<boolean> {
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port || 80), rejectUnauthorized: false });
    const end = (speaks: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(speaks);
    };
    const timer = setTimeout(() => end(false), LIMIT_MS);
    socket.once("secureConnect", () => end(true));
    socket.on("error", () => end(false));
    socket.once("close", () => end(false));
  });
}
