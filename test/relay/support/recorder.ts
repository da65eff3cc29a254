import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, request, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { pipeline } from "node:stream";
import type { Cleanup } from "../../support/temp.js";

/** A request as the upstream got it. */
export interface RecordedRequest {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  /** The raw names and values, in order. */
  rawHeaders: string[];
  /** Bytes of the body so far. */
  bytes: number;
}

/** A real HTTP server that writes down what it gets and lets another one answer. */
export interface Recorder {
  url: string;
  requests: RecordedRequest[];
  /** What is answered in place of the other server's answer: a status, nothing at all, or what a test says by hand. */
  answer: number | "silence" | "cut" | ((incoming: IncomingMessage, outgoing: ServerResponse) => void) | undefined;
}

export async function startRecorder(t: Cleanup, target: string): Promise<Recorder> {
  const recorder: Recorder = { url: "", requests: [], answer: undefined };
  const server = createServer((incoming, outgoing) => {
    const { method = "", url = "", headers, rawHeaders } = incoming;
    const recorded = { method, url, headers, rawHeaders, bytes: 0 };
    recorder.requests.push(recorded);
    incoming.on("data", (chunk: Buffer) => {
      recorded.bytes += chunk.length;
    });
    if (recorder.answer === "silence") return;
    if (recorder.answer === "cut") {
      incoming.socket.destroy();
      return;
    }
    if (typeof recorder.answer === "function") {
      recorder.answer(incoming, outgoing);
      return;
    }
    if (recorder.answer !== undefined) {
      outgoing.writeHead(recorder.answer, { "x-upstream": "yes" }).end("upstream says so");
      return;
    }
    const onwards = request(target + url, { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.rawHeaders);
      pipeline(answer, outgoing, () => undefined);
    });
    onwards.on("error", () => outgoing.destroy());
    outgoing.on("close", () => onwards.destroy()); // also when the answer came before the end of the request
    incoming.pipe(onwards);
  });
  server.on("upgrade", (incoming, socket, head) => {
    const { method = "", url = "", headers, rawHeaders } = incoming;
    recorder.requests.push({ method, url, headers, rawHeaders, bytes: 0 });
    const { hostname, port } = new URL(target);
    const onwards = connect(Number(port), hostname);
    const lines = rawHeaders.map((text, at) => (at % 2 === 0 ? `${text}: ` : `${text}\r\n`));
    onwards.write(`${method} ${url} HTTP/1.1\r\n${lines.join("")}\r\n`);
    onwards.write(head);
    pipeline(socket, onwards, socket, () => undefined);
    t.teardown(() => onwards.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  recorder.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return recorder;
}
