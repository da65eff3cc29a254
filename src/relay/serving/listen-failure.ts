import { messageOf, systemCode, TreewireError } from "../../util/index.js";

const WORDS: Readonly<Record<string, string>> = {
  EADDRINUSE: "another program listens there",
  EADDRNOTAVAIL: "this machine has no such address",
  EACCES: "this user may not",
};

/** The error of a server that cannot listen. @param thrown Node's, whose message repeats code and address */
export function listenFailure(host: string, port: number, thrown: unknown): TreewireError {
  const code = systemCode(thrown) ?? "";
  const words = WORDS[code];
  const detail = words === undefined ? messageOf(thrown) : `${words}, ${code}`;
  return new TreewireError("TW_LISTEN_FAILED", `${host}:${port}`, { detail, cause: thrown });
}
