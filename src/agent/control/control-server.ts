import { chmodSync, lstatSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { dirname } from "node:path";
import {
  type ControlReply,
  type ControlRequest,
  controlRequestSchema,
  MAX_CONTROL_REQUEST_BYTES,
} from "../../protocol/index.js";
import { type Logger, makeDirectories, messageOf, TreewireError } from "../../util/index.js";

export type ControlHandler = (request: ControlRequest) => Promise<ControlReply>;

/** So many commands are served at once; more wait to be accepted. */
const MAX_CONNECTIONS = 64;
/** A command that says nothing for so long is cut off. Milliseconds. */
const IDLE_MS = 10_000;

/** The agent's end of the control socket: one request, one reply for each connection. */
export class ControlServer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #handler: ControlHandler;
  readonly #logger: Logger;

  private constructor(handler: ControlHandler, logger: Logger) {
    this.#handler = handler;
    this.#logger = logger;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#serve(socket));
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /**
   * Listens, for the user alone. A socket that was left behind is replaced.
   *
   * @param path in a directory that is made if need be, with mode 0700
   * @param handler what it throws is answered: a `TreewireError` in its own words, anything else as `TW_INTERNAL`
   * @throws TreewireError `TW_SOCKET_FAILED`
   */
  static async listen(path: string, handler: ControlHandler, logger: Logger): Promise<ControlServer> {
    const server = new ControlServer(handler, logger);
    try {
      await makeDirectories(dirname(path), 0o700);
      if (await isAnswered(path)) throw new Error("another agent listens there");
      if (lstatSync(path, { throwIfNoEntry: false })?.isSocket()) rmSync(path);
      await new Promise<void>((resolve, reject) => {
        server.#server.once("error", reject);
        // the mode is right from the first moment on: nothing else runs between bind and the callback's chmod
        const mask = process.umask(0o177);
        server.#server.listen(path, resolve);
        process.umask(mask);
      });
      chmodSync(path, 0o600);
    } catch (error) {
      throw new TreewireError("TW_SOCKET_FAILED", path, { detail: messageOf(error), cause: error });
    }
    server.#server.on("error", () => {}); // of accepting: the command sees it
    return server;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    const chunks: Buffer[] = [];
    let size = 0;
    let answered = false;
    const answer = (reply: ControlReply) => socket.end(`${JSON.stringify(reply)}\n`);
    socket.setTimeout(IDLE_MS, () => socket.destroy());
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => socket.destroy()); // whoever asked has gone
    socket.on("data", (chunk) => {
      if (answered) return;
      size += chunk.length;
      chunks.push(chunk);
      const tooLarge = size > MAX_CONTROL_REQUEST_BYTES;
      if (!tooLarge && !chunk.includes(0x0a)) return;
      answered = true;
      if (tooLarge) answer(refusal(`over ${MAX_CONTROL_REQUEST_BYTES} bytes`));
      else void this.#answer(Buffer.concat(chunks).toString()).then(answer);
    });
  }

  async #answer(line: string): Promise<ControlReply> {
    let request: ControlRequest;
    try {
      request = controlRequestSchema.parse(JSON.parse(line));
    } catch (error) {
      return refusal(messageOf(error));
    }
    try {
      return await this.#handler(request);
    } catch (error) {
      if (error instanceof TreewireError) return errorReply(error);
      this.#logger.error({ err: error, request: request.type }, "a command failed in a way that nobody foresaw");
      return errorReply(new TreewireError("TW_INTERNAL", request.type, { detail: messageOf(error), cause: error }));
    }
  }
}

function refusal(detail: string): ControlReply {
  return errorReply(new TreewireError("TW_BAD_USAGE", "the request", { detail }));
}

function errorReply({ code, message }: TreewireError): ControlReply {
  return { type: "error", code, message };
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
    socket.once("close", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
