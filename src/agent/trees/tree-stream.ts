import { randomUUID } from "node:crypto";
import type { AgentMessage } from "../../protocol/index.js";
import { deltaBetween, sameSnapshot, type TreeSnapshot, treeMessages } from "./snapshot.js";

/** The way to the relay, as long as one connection lasts. */
export interface Link {
  /** Sends one small message now. */
  send(message: AgentMessage): void;
  /** Sends messages that may be large, each drawn when there is room for it, taking turns with other streams. */
  stream(messages: Iterator<AgentMessage, void>): void;
}

/** A state of a tree as the relay was told of it. */
export interface Held {
  epoch: string;
  seq: number;
}

interface Sent {
  seq: number;
  snapshot: TreeSnapshot;
  version: number;
}

/** A tree that is as it was is told of at most this often. Milliseconds. */
const SCANNED_INTERVAL_MS = 5_000;

/**
 * Brings the states of one tree to the relay: the first one whole, the later ones as deltas against the last that the
 * relay acknowledged. At most one update is unacknowledged; while it is out, newer states replace each other.
 *
 * ```
 * offer   a───b──c───d──────────
 * sent    a ──────┐  │ d(base a)     b and c were replaced by d
 * ack             └──┘
 * ```
 */
export class TreeStream {
  readonly root: string;
  /** Names this history of the tree; another stream of the same root has another. */
  readonly epoch = randomUUID();
  #link: Link | undefined;
  #watched = false;
  #seq = 0;
  #acked: Sent | undefined;
  #out: Sent | undefined;
  #latest: TreeSnapshot | undefined;
  /** How many snapshots were offered; the number of the latest. */
  #version = 0;
  /** The number up to which the relay has what was offered, or something newer. */
  #settled = 0;
  #scannedAt = 0;
  #waiting: { version: number; done: () => void }[] = [];

  constructor(root: string) {
    this.root = root;
  }

  /** A newer state of the tree. */
  offer(snapshot: TreeSnapshot): void {
    this.#latest = snapshot;
    this.#version += 1;
    this.#pump();
  }

  /** The tree was read at `at` (milliseconds since 1970) and is as it was. */
  scanned(at: number): void {
    if (this.#link === undefined || !this.#watched || this.#out !== undefined || this.#acked === undefined) return;
    if (at - this.#scannedAt < SCANNED_INTERVAL_MS) return;
    this.#scannedAt = at;
    this.#link.send({ type: "scanned", root: this.root, scanned_at: new Date(at).toISOString() });
  }

  /** The relay has taken over a state. */
  ack(held: Held): void {
    const out = this.#out;
    if (out === undefined || held.epoch !== this.epoch || held.seq !== out.seq) return;
    this.#acked = out;
    this.#out = undefined;
    this.#settle(out.version);
    this.#pump();
  }

  /** The relay has lost what the last update was based on: the whole state follows. */
  resync(): void {
    this.#acked = undefined;
    this.#out = undefined;
    this.#pump();
  }

  /**
   * A new connection.
   *
   * @param held what the relay says it holds of this tree; the stream goes on from there when it still knows that state
   */
  connect(link: Link, held: Held | undefined): void {
    const known = [this.#acked, this.#out].find((sent) => held?.epoch === this.epoch && held.seq === sent?.seq);
    this.#link = link;
    this.#acked = known;
    this.#out = undefined;
    if (known !== undefined) this.#settle(known.version);
    this.#goOn();
  }

  /** The connection is lost. */
  disconnect(): void {
    this.#link = undefined;
    this.#release(() => true);
  }

  /** Whether anybody looks at the tree. While nobody does, nothing is sent. */
  setWatched(watched: boolean): void {
    if (watched === this.#watched) return;
    this.#watched = watched;
    if (watched) this.#goOn();
    else this.#release(() => true);
  }

  /**
   * Waits until the relay has acknowledged the latest state offered so far, or one after it. Ends early when the
   * connection is lost or nobody looks any more.
   */
  settled(): Promise<void> {
    if (this.#link === undefined || !this.#watched || this.#settled >= this.#version) return Promise.resolve();
    return new Promise((done) => this.#waiting.push({ version: this.#version, done }));
  }

  #goOn(): void {
    this.#scannedAt = 0;
    this.#pump();
    if (this.#latest !== undefined) this.scanned(Date.parse(this.#latest.meta.scanned_at));
  }

  #pump(): void {
    const link = this.#link;
    const snapshot = this.#latest;
    if (link === undefined || !this.#watched || snapshot === undefined || this.#out !== undefined) return;
    const acked = this.#acked;
    if (acked !== undefined && sameSnapshot(acked.snapshot, snapshot)) {
      this.#acked = { ...acked, snapshot, version: this.#version };
      this.#settle(this.#version);
      return;
    }
    this.#seq += 1;
    this.#out = { seq: this.#seq, snapshot, version: this.#version };
    link.stream(this.#messages(this.#out, acked));
  }

  /** The parts of one update; they end early when the update is no longer the one that is out. */
  *#messages(out: Sent, base: Sent | undefined): Generator<AgentMessage, void> {
    const head = {
      root: this.root,
      epoch: this.epoch,
      seq: out.seq,
      base: base?.seq ?? null,
      meta: out.snapshot.meta,
    };
    for (const message of treeMessages(head, deltaBetween(base?.snapshot.files ?? [], out.snapshot.files))) {
      if (this.#out !== out) return;
      yield message;
    }
  }

  #settle(version: number): void {
    this.#settled = Math.max(this.#settled, version);
    this.#release((waiting) => waiting.version <= this.#settled);
  }

  #release(which: (waiting: { version: number }) => boolean): void {
    const waiting = this.#waiting;
    this.#waiting = waiting.filter((one) => !which(one));
    for (const one of waiting) if (which(one)) one.done();
  }
}
