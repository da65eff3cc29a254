import { type IncomingMessage, ServerResponse } from "node:http";
import { OF_RELAY } from "../answers.js";

/**
 * An HTTP answer that is marked as the relay's own from the start: also where Node.js answers by itself (no `Host`, an
 * `Expect` that nobody knows), and where an upstream's answer is handed through, which the relay has asked for.
 */
export class RelayResponse<Request extends IncomingMessage = IncomingMessage> extends ServerResponse<Request> {
  constructor(request: Request) {
    super(request);
    for (const [name, value] of Object.entries(OF_RELAY)) this.setHeader(name, value);
  }
}
