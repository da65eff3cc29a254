import type { AgentMessage } from "../../protocol/index.js";
import { type Clock, systemClock } from "../../util/index.js";
import { ReadBudget } from "../budgets/read-budget.js";
import { TokenBucket } from "../budgets/token-bucket.js";
import { TurnBudget } from "../budgets/turn-budget.js";
import type { LimitOptions } from "../limit-options.js";
import type { ReadHold } from "./read-hold.js";

/** What an agent may send at once, in seconds of its rate: the first states of all of its trees. */
const BURST_SECONDS = 10;

/** So many roots of a list cost what a message does: each is a row in the store, and something to look for. */
const ROOTS_PER_MESSAGE = 4;
/** So many files, or keys of files that go. */
const FILES_PER_MESSAGE = 200;

/** What a hello costs beside its frame, in messages; and of so many trees that the welcome names. */
const HELLO_MESSAGES = 50;
const HEADS_PER_MESSAGE = 20;

/**
 * How much of the relay's time an agent may take at once in which nobody else has a turn, in seconds of its rate: the first
 * states of five large trees. Who takes more is read so seldom that others' 99th percentile stays theirs.
 */
const STALL_BURST_SECONDS = 30;
/**
 * Estimates, as everything that is limited here is counted by what it is and not by the clock, which runs for the machine's
 * other work as well: `bench hostile` measures what comes of them. A part of a current agent is read within the free time.
 */
const READ_MS_PER_BYTE = 8 / (1024 * 1024);
const MERGE_MS_PER_BYTE = 2.5 / (1024 * 1024);
const MERGE_MS_PER_FILE = 0.003;
/** Of those that the tree has: its lists are made anew for a change of one of them. */
const LIST_MS_PER_FILE = 0.00007;
/** A list is checked, compared with the one before, kept, and looked through for each client of the chat. */
const LIST_MS_PER_ROOT = 0.0015;
/** What takes no longer than this is no stall. Milliseconds. */
const FREE_MS = 2;

/** What the agents with one token have left to spend. It outlives their connections: a new one brings nothing anew. */
export class RateBuckets {
  readonly messages: TokenBucket;
  readonly bytes: TokenBucket;
  /** Milliseconds, beyond {@link FREE_MS} each time. */
  readonly stalls: TokenBucket;
  /** What its connections may have of a turn of the event loop. */
  readonly turn: TurnBudget;
  /** What is read of its connections in one. */
  readonly reading = new ReadBudget();

  constructor(
    {
      agentMessagesPerSecond,
      agentBytesPerSecond,
      agentStallMsPerSecond: stallMs,
    }: Pick<LimitOptions, "agentMessagesPerSecond" | "agentBytesPerSecond" | "agentStallMsPerSecond">,
    clock: Pick<Clock, "monotonicMs"> = systemClock,
  ) {
    this.turn = new TurnBudget(clock);
    this.messages = new TokenBucket(agentMessagesPerSecond, BURST_SECONDS * agentMessagesPerSecond, clock);
    this.bytes = new TokenBucket(agentBytesPerSecond, BURST_SECONDS * agentBytesPerSecond, clock);
    this.stalls = new TokenBucket(stallMs, STALL_BURST_SECONDS * stallMs, clock);
  }

  /** How long it takes until all debts are paid, in milliseconds. */
  waitMs(): number {
    return Math.max(this.messages.waitMs(), this.bytes.waitMs(), this.stalls.waitMs());
  }

  forgive(): void {
    this.messages.forgive();
    this.bytes.forgive();
    this.stalls.forgive();
  }
}

/**
 * How fast one agent may send, in messages and in unpacked bytes. When it is faster its socket is not read for a while. That
 * is never for so long that an answer to a ping is missed: what an agent owes beyond that is forgiven.
 */
export class TunnelRate {
  readonly #hold: ReadHold;
  readonly #buckets: RateBuckets;
  readonly #maxHoldMs: number;
  readonly #clock: Clock;
  #heldSince: number | undefined;
  /** Of updates that are not finished: their frames' bytes, and their files. */
  #unfinished = { bytes: 0, files: 0 };
  #cancel: () => void = () => undefined;

  /** @param maxHoldMs less than a peer may leave a ping unanswered, in milliseconds */
  constructor(hold: ReadHold, buckets: RateBuckets, maxHoldMs: number, clock: Clock = systemClock) {
    this.#hold = hold;
    this.#buckets = buckets;
    this.#maxHoldMs = maxHoldMs;
    this.#clock = clock;
  }

  /** A frame has come, before anything is made of it. @returns whether the agent is held from here on */
  frame(bytes: number): boolean {
    this.#buckets.messages.take(1);
    this.#buckets.bytes.take(bytes);
    this.#stall(bytes * READ_MS_PER_BYTE);
    return this.#holdIfOver();
  }

  /**
   * What the frame says is more work than a frame by itself.
   *
   * @param bytes how long the frame was
   * @param trees how many the workspace has
   * @param files how many the tree has that the message changes
   */
  message(message: AgentMessage, bytes: number, trees: number, files = 0): boolean {
    this.#buckets.messages.take(extraWork(message, trees));
    if (message.type === "tree") this.#part(message, bytes, files);
    if (message.type === "chat") this.#stall(message.roots.length * LIST_MS_PER_ROOT);
    // lists of trees are made and kept anew: milliseconds where they are long
    if (message.type === "chat" || message.type === "gone") this.#buckets.turn.end();
    return this.#holdIfOver();
  }

  /** The agent was welcomed. @param heads how many trees it may go on from */
  welcome(heads: number): boolean {
    this.#buckets.messages.take(HELLO_MESSAGES + heads / HEADS_PER_MESSAGE);
    return this.#holdIfOver();
  }

  /** The socket is closed. */
  stop(): void {
    this.#cancel();
  }

  /** The last part of an update has all of it merged at once. */
  #part({ upserts, removes, more }: Extract<AgentMessage, { type: "tree" }>, bytes: number, treeFiles: number): void {
    this.#unfinished.bytes += bytes;
    this.#unfinished.files += upserts.length + removes.length;
    if (more) return;
    const { bytes: allBytes, files } = this.#unfinished;
    this.#stall(allBytes * MERGE_MS_PER_BYTE + files * MERGE_MS_PER_FILE + treeFiles * LIST_MS_PER_FILE);
    this.#unfinished = { bytes: 0, files: 0 };
  }

  #stall(ms: number): void {
    this.#buckets.stalls.take(Math.max(0, ms - FREE_MS));
  }

  #holdIfOver(): boolean {
    const waitMs = this.#buckets.waitMs();
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
      const moreMs = isLast ? 0 : this.#buckets.waitMs();
      if (moreMs > 0) {
        this.#releaseAfter(moreMs);
        return;
      }
      if (isLast) this.#buckets.forgive();
      this.#heldSince = undefined;
      this.#hold.release("rate");
    });
  }
}

function extraWork(message: AgentMessage, trees: number): number {
  if (message.type === "chat") return message.roots.length / ROOTS_PER_MESSAGE;
  if (message.type === "tree") return (message.upserts.length + message.removes.length) / FILES_PER_MESSAGE;
  if (message.type === "gone") return trees / FILES_PER_MESSAGE; // each list that the tree was in is made anew
  return 0;
}
