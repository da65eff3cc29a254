import type { AgentMessage } from "../../protocol/index.js";
import { type Clock, systemClock } from "../../util/index.js";
import type { LimitOptions } from "../limit-options.js";
import type { ReadHold } from "./read-hold.js";
import { TokenBucket } from "./token-bucket.js";

/** What an agent may send at once, in seconds of its rate: the first states of all of its trees. */
const BURST_SECONDS = 10;

/** So many roots of a list cost what a message does: each is a row in the store, and something to look for. */
const ROOTS_PER_MESSAGE = 20;
/** So many files, or keys of files that go. */
const FILES_PER_MESSAGE = 200;

/**
 * How fast one agent may send, in messages and in unpacked bytes. When it is faster its socket is not read for a while. That
 * is never for so long that an answer to a ping is missed: what an agent owes beyond that is forgiven.
 */
export class TunnelRate {
  readonly #hold: ReadHold;
  readonly #messages: TokenBucket;
  readonly #bytes: TokenBucket;
  readonly #maxHoldMs: number;
  readonly #clock: Clock;
  #heldSince: number | undefined;
  #cancel: () => void = () => undefined;

  constructor(
    hold: ReadHold,
    limits: Pick<LimitOptions, "agentMessagesPerSecond" | "agentBytesPerSecond" | "pingIntervalMs">,
    clock: Clock = systemClock,
  ) {
    const bucket = (perSecond: number) => new TokenBucket(perSecond, BURST_SECONDS * perSecond, clock);
    this.#hold = hold;
    this.#messages = bucket(limits.agentMessagesPerSecond);
    this.#bytes = bucket(limits.agentBytesPerSecond);
    this.#maxHoldMs = limits.pingIntervalMs / 2;
    this.#clock = clock;
  }

  /** A frame has come, before anything is made of it. @returns whether the agent is held from here on */
  frame(bytes: number): boolean {
    this.#messages.take(1);
    this.#bytes.take(bytes);
    return this.#holdIfOver();
  }

  /** What the frame says is more work than a frame by itself. @param trees that the workspace has */
  message(message: AgentMessage, trees: number): boolean {
    this.#messages.take(extraWork(message, trees));
    return this.#holdIfOver();
  }

  /** The socket is closed. */
  stop(): void {
    this.#cancel();
  }

  #holdIfOver(): boolean {
    const waitMs = this.#waitMs();
    if (waitMs === 0 || this.#heldSince !== undefined) return false;
    this.#heldSince = this.#clock.monotonicMs();
    this.#hold.hold("rate");
    this.#releaseAfter(waitMs);
    return true;
  }

  /** What was read before the socket was held may have come meanwhile: then the wait is longer. */
  #releaseAfter(waitMs: number): void {
    const now = this.#clock.monotonicMs();
    const leftMs = (this.#heldSince ?? now) + this.#maxHoldMs - now;
    this.#cancel = this.#clock.after(Math.min(waitMs, leftMs), () => {
      const isLast = waitMs >= leftMs;
      const moreMs = isLast ? 0 : this.#waitMs();
      if (moreMs > 0) {
        this.#releaseAfter(moreMs);
        return;
      }
      if (isLast) {
        this.#messages.forgive();
        this.#bytes.forgive();
      }
      this.#heldSince = undefined;
      this.#hold.release("rate");
    });
  }

  #waitMs(): number {
    return Math.max(this.#messages.waitMs(), this.#bytes.waitMs());
  }
}

function extraWork(message: AgentMessage, trees: number): number {
  if (message.type === "chat") return message.roots.length / ROOTS_PER_MESSAGE;
  if (message.type === "tree") return (message.upserts.length + message.removes.length) / FILES_PER_MESSAGE;
  if (message.type === "gone") return trees / FILES_PER_MESSAGE; // each list that the tree was in is made anew
  return 0;
}
