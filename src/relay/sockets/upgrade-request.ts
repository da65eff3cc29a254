import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

/** One upgrade request, as Node hands it over. */
export interface UpgradeRequest {
  request: IncomingMessage;
  socket: Duplex;
  /** What came behind the request's headers. */
  head: Buffer;
  url: URL;
}
