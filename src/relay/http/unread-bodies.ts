import type { Socket } from "node:net";
import type { FastifyReply, FastifyRequest } from "fastify";
import { ClientRates } from "../budgets/client-rates.js";
import type { LimitOptions } from "../limit-options.js";
import { freeBuffer } from "./free-buffer.js";

/**
 * How much faster than the bodies of one token those are read that nobody wants, of one address: nothing is done with them,
 * and behind them on the same connection waits the client's next request.
 */
const TIMES_AS_FAST = 16;

/**
 * What is left of a body when its request is answered, as that of most refused uploads is. It has to be read, since who still
 * sends it reads no answer, and an end of the connection would take the answer with it (RFC 9112, 9.6). But it is not read at
 * any rate, and its memory is given back at once.
 */
export class UnreadBodies {
  readonly #rates: ClientRates;
  /** Connections whose last request was answered. */
  readonly #answered = new Set<Socket>();

  constructor(limits: Pick<LimitOptions, "clientMessagesPerSecond" | "clientBytesPerSecond">) {
    const clientBytesPerSecond = TIMES_AS_FAST * limits.clientBytesPerSecond;
    this.#rates = new ClientRates({ ...limits, clientBytesPerSecond });
  }

  /** To be called before an answer is sent. Does nothing when the body was read, or somebody reads it. */
  drop(request: FastifyRequest, reply: FastifyReply): void {
    const { raw } = request;
    const { socket } = raw;
    if (raw.complete || raw.destroyed || raw.listenerCount("data") + raw.listenerCount("readable") > 0) return;
    const rate = this.#rates.of(request.ip);
    raw.on("error", () => undefined); // the caller has gone: nobody is there to be answered
    const reading = { hold: () => raw.pause(), release: () => raw.resume() };
    raw.once("close", () => {
      this.#answered.delete(socket);
      rate.reading.forget(reading);
    });
    reply.raw.once("finish", () => raw.destroyed || this.#answered.add(socket));
    raw.on("data", (chunk: Buffer) => {
      const bytes = chunk.length;
      freeBuffer(chunk);
      const waitMs = rate.bytes(bytes);
      if (raw.isPaused()) return;
      if (waitMs === 0) {
        rate.reading.take(reading, bytes);
        return;
      }
      raw.pause();
      setTimeout(() => raw.resume(), waitMs).unref();
    });
  }

  /** The relay stops: who has the answer and still sends is cut off. */
  close(): void {
    for (const socket of this.#answered) socket.destroy();
  }
}
