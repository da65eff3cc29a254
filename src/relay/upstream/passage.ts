import type { Socket } from "node:net";
import { type Duplex, pipeline, Transform } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { CLOSE } from "../../protocol/index.js";
import { timerDelay } from "../../util/index.js";
import type { ClientRate } from "../budgets/client-rates.js";
import { FrameWalker } from "./frame-walker.js";

/** How long an end has to close when the other one has, in milliseconds. */
const CLOSE_GRACE_MS = 2_000;

/** The first byte of a close frame: FIN and opcode 8 (RFC 6455, 5.2). */
const FIN_CLOSE = 0x88;

export interface PassageOptions {
  client: Duplex;
  upstream: Socket;
  /** What came from the client behind its request, and from the upstream behind its answer. */
  clientHead: Buffer;
  upstreamHead: Buffer;
  /** What all sockets of the client's token have left to send. */
  rate: ClientRate;
  /** How long an end may be silent before the system asks whether it is there, in milliseconds. */
  keepAliveMs: number;
}

/**
 * A WebSocket that is passed on: bytes go as they came, in both directions, and nothing of them is held but what the two
 * sockets' buffers have. A client that sends more than its token may is not read for a while.
 */
export class Passage {
  readonly #client: Duplex;
  readonly #upstream: Socket;
  readonly #toClient = new FrameWalker();
  readonly #followed: Transform;
  readonly #over: Promise<void>;

  constructor({ client, upstream, clientHead, upstreamHead, rate, keepAliveMs }: PassageOptions) {
    this.#client = client;
    this.#upstream = upstream;
    for (const socket of [client as Socket, upstream]) {
      socket.setTimeout(0);
      socket.setNoDelay(true);
      socket.setKeepAlive(true, keepAliveMs); // both ends have pings of their own; this finds those that are gone
    }
    if (clientHead.length > 0) client.unshift(clientHead);
    if (upstreamHead.length > 0) upstream.unshift(upstreamHead);
    const fromClient = new FrameWalker();
    const metered = new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        let waitMs = rate.bytes(chunk.length);
        for (let frames = fromClient.pass(chunk); frames > 0; frames -= 1) waitMs = Math.max(waitMs, rate.message(0));
        if (waitMs === 0) done(null, chunk);
        else void sleep(timerDelay(waitMs), undefined, { ref: false }).then(() => done(null, chunk));
      },
    });
    this.#followed = new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        this.#toClient.pass(chunk);
        done(null, chunk);
      },
    });
    pipeline(client, metered, upstream, () => this.#endSoon());
    pipeline(upstream, this.#followed, client, () => this.#endSoon());
    const closed = (socket: Duplex) =>
      socket.closed ? undefined : new Promise<void>((resolve) => socket.once("close", () => resolve()));
    this.#over = Promise.all([closed(client), closed(upstream)]).then(() => undefined);
  }

  /** Whether both ends are closed, or about to be. */
  get isOver(): boolean {
    return this.#client.destroyed && this.#upstream.destroyed;
  }

  /** Resolves when both ends are closed. */
  get over(): Promise<void> {
    return this.#over;
  }

  /**
   * The relay goes away: the client is told with 1001, unless it has a part of a frame.
   *
   * @param graceMs how long both ends have to close
   */
  close(graceMs: number): void {
    this.#upstream.unpipe();
    if (this.#toClient.isBetweenFrames) {
      const payload = Buffer.alloc(2);
      payload.writeUInt16BE(CLOSE.goingAway.code);
      this.#followed.push(Buffer.from([FIN_CLOSE, payload.length, ...payload])); // behind what the client has not taken
    }
    this.#followed.end();
    this.#upstream.end();
    this.#endSoon(graceMs);
  }

  #endSoon(graceMs = CLOSE_GRACE_MS): void {
    const timer = setTimeout(() => {
      this.#client.destroy();
      this.#upstream.destroy();
    }, graceMs).unref();
    void this.#over.then(() => clearTimeout(timer));
  }
}
