import { randomUUID } from "node:crypto";
import {
  type AgentMessage,
  diffFiles,
  type FileChanges,
  joinChanges,
  realChanges,
  type TreeMeta,
} from "../../protocol/index.js";
import type { Link, Resumption, StateRef } from "./link.js";
import { treeMessages, type UpdateHead } from "./parts.js";
import { changesBetween, sameMeta, type TreeSnapshot } from "./snapshot.js";

/** A state that was sent. */
interface SentState {
  readonly seq: number;
  readonly snapshot: TreeSnapshot;
  /** Its place among all snapshots of this stream. */
  readonly version: number;
}

/** An update that the relay has not acknowledged. */
interface Update {
  readonly state: SentState;
  /** Lead to the state from the acknowledged one, or from the empty list when there is none. */
  readonly changes: FileChanges;
  /** The `seq` of the acknowledged state; `null`: the update is a whole state. */
  readonly base: number | null;
  /** The commits are those of the acknowledged state, and are not sent again. */
  readonly hasSameCommits: boolean;
}

/** An update of fewer UTF-16 units is short: it does not wait for the long ones of other trees. */
const SHORT_UNITS = 16 * 1024;

/** That a tree is unchanged is reported at most this often. Milliseconds. */
const SCANNED_INTERVAL_MS = 5_000;

const NO_CHANGES: FileChanges = new Map();

/**
 * Brings the states of one tree to the relay: the first one whole, the later ones as deltas against the last that the
 * relay acknowledged. At most one update is unacknowledged; while it is in flight, newer states replace each other.
 *
 * ```
 * update  a───b──c───d──────────
 * sent    a ──────┐  │ d(base a)     b and c were replaced by d
 * ack             └──┘
 * ```
 *
 * When a connection is lost amid an update of many parts, the next one goes on with the same update behind the parts that the
 * relay has, however the tree has changed since.
 *
 * What changed comes with each state and is collected from one update to the next, so that an update costs as much as
 * what changed, and not as much as the tree.
 */
export class TreeStream {
  readonly root: string;
  /** Names the tree in messages. */
  readonly #name: { root: string; compare?: string };
  /** Names this history of the tree; another stream of the same root has another. */
  readonly epoch = randomUUID();
  #link: Link | undefined;
  #watched = false;
  #seq = 0;
  #acknowledged: SentState | undefined;
  #inFlight: Update | undefined;
  /** The update in flight was begun on the present connection. */
  #isStreaming = false;
  /** How many parts of it the relay has from a connection before. */
  #arrived = 0;
  #latest: TreeSnapshot | undefined;
  /** Leads to the latest snapshot from the one in flight, or else from the acknowledged one; unused without either. */
  #pending: FileChanges = NO_CHANGES;
  /** The number of snapshots so far, which is the version of the latest. */
  #version = 0;
  /** The relay has the snapshot of this version, or a newer one. */
  #acknowledgedVersion = 0;
  #scannedAt = 0;
  #waiters: { version: number; done: () => void }[] = [];

  /** @param compare with what the tree is compared, where that is not HEAD */
  constructor(root: string, compare?: string) {
    this.root = root;
    this.#name = { root, ...(compare !== undefined && { compare }) };
  }

  /** The newest state that it was given. */
  get latest(): TreeSnapshot | undefined {
    return this.#latest;
  }

  /**
   * Takes a newer state of the tree.
   *
   * @param changes lead to it from the state of the call before; without them the two lists are compared. Of a stream's
   *   first state they do not count.
   */
  update(snapshot: TreeSnapshot, changes?: FileChanges): void {
    if (this.#latest !== undefined) this.#collect(this.#latest, snapshot, changes);
    this.#latest = snapshot;
    this.#version += 1;
    this.#sendNext();
  }

  /** The tree was read at `at` (milliseconds since 1970) and is unchanged. */
  scanned(at: number): void {
    if (this.#link === undefined || !this.#watched) return;
    if (this.#inFlight !== undefined || this.#acknowledged === undefined) return;
    if (at - this.#scannedAt < SCANNED_INTERVAL_MS) return;
    this.#scannedAt = at;
    this.#link.send({ type: "scanned", ...this.#name, scanned_at: new Date(at).toISOString() });
  }

  /** The relay has taken over a state. An acknowledgement of any state but the one in flight is ignored. */
  ack({ epoch, seq }: StateRef): void {
    const sent = this.#inFlight?.state;
    if (sent === undefined || epoch !== this.epoch || seq !== sent.seq) return;
    this.#startFrom(sent, this.#pending);
    this.#sendNext();
  }

  /** The relay has lost the base of the last update: sends the whole state. */
  resync(): void {
    this.#startFrom(undefined, NO_CHANGES);
    this.#sendNext();
  }

  /**
   * Uses a new connection.
   *
   * @param from what the relay says it has of this tree; the stream goes on from there when it still has that itself
   */
  connect(link: Link, from: Resumption = {}): void {
    this.#link = link;
    this.#isStreaming = false;
    const seq = from.held?.epoch === this.epoch ? from.held.seq : undefined;
    const { state, changes = NO_CHANGES } = this.#inFlight ?? {};
    const isBased = seq !== undefined && seq === this.#acknowledged?.seq;
    this.#arrived = 0;
    if (seq !== undefined && seq === state?.seq) this.#startFrom(state, this.#pending);
    else if (this.#canGoOn(from.partial, isBased)) this.#arrived = from.partial?.parts ?? 0;
    else if (isBased) this.#startFrom(this.#acknowledged, joinChanges(changes, this.#pending));
    else this.#startFrom(undefined, NO_CHANGES);
    this.#resume();
  }

  /** Whether the update in flight is the one that the relay has parts of. @param isBased the relay holds its base */
  #canGoOn(partial: Resumption["partial"], isBased: boolean): boolean {
    const update = this.#inFlight;
    if (update === undefined || partial === undefined || this.#link?.cutsFiles !== true) return false;
    if (partial.epoch !== this.epoch || partial.seq !== update.state.seq || partial.base !== update.base) return false;
    if (update.base !== null && !isBased) return false;
    // its last part would have been taken over: a relay that has them all, or more, has another update
    return [...treeMessages(this.#headOf(update), update.changes, true)].length > partial.parts;
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
    if (watched) this.#resume();
    else this.#release(() => true);
  }

  /**
   * Waits until the relay has acknowledged the latest state of this moment, or one after it. Ends early when the
   * connection is lost or nobody looks any more.
   */
  latestAcknowledged(): Promise<void> {
    const version = this.#version;
    if (this.#link === undefined || !this.#watched || this.#acknowledgedVersion >= version) return Promise.resolve();
    return new Promise((done) => this.#waiters.push({ version, done }));
  }

  /** Adds what changed from one snapshot to the next to what the relay has yet to hear. */
  #collect(before: TreeSnapshot, after: TreeSnapshot, changes: FileChanges | undefined): void {
    const base = (this.#inFlight?.state ?? this.#acknowledged)?.snapshot;
    if (base === undefined) return;
    const pending = joinChanges(this.#pending, changesBetween(before, after, changes));
    // files that come and go while nothing is sent would pile up: no more can differ than there are on both sides
    const tooMany = pending.size > base.files.length + after.files.length;
    this.#pending = tooMany ? realChanges(base.files, pending) : pending;
  }

  /** Forgets the update in flight. @param base what the relay has. @param pending leads from there to the latest */
  #startFrom(base: SentState | undefined, pending: FileChanges): void {
    this.#inFlight = undefined;
    this.#acknowledged = base;
    this.#pending = pending;
    if (base !== undefined) this.#acknowledge(base.version);
  }

  #resume(): void {
    this.#scannedAt = 0;
    this.#sendNext();
    if (this.#latest !== undefined) this.scanned(Date.parse(this.#latest.meta.scanned_at));
  }

  /** Sends the latest state, unless another is in flight, which is gone on with, or the relay has it already. */
  #sendNext(): void {
    const link = this.#link;
    const snapshot = this.#latest;
    if (link === undefined || !this.#watched || snapshot === undefined) return;
    if (this.#inFlight !== undefined) {
      this.#stream(link, this.#inFlight);
      return;
    }
    const base = this.#acknowledged;
    const version = this.#version;
    const changes =
      base === undefined ? diffFiles([], snapshot.files) : realChanges(base.snapshot.files, this.#pending);
    this.#pending = NO_CHANGES;
    if (base !== undefined && changes.size === 0 && sameMeta(base.snapshot.meta, snapshot.meta)) {
      this.#acknowledged = { ...base, snapshot, version };
      this.#acknowledge(version);
      return;
    }
    this.#seq += 1;
    this.#arrived = 0;
    const hasSameCommits = base !== undefined && sameCommits(base.snapshot.meta, snapshot.meta);
    const state = { seq: this.#seq, snapshot, version };
    this.#inFlight = { state, changes, base: base?.seq ?? null, hasSameCommits };
    this.#isStreaming = false;
    this.#stream(link, this.#inFlight);
  }

  #stream(link: Link, update: Update): void {
    if (this.#isStreaming) return;
    this.#isStreaming = true;
    link.stream(this.#messages(link, update, this.#arrived), isShort(update.changes));
  }

  /** The parts of one update. They end early when the update is no longer the one in flight. */
  *#messages(link: Link, update: Update, arrived: number): Generator<AgentMessage, void> {
    for (const message of treeMessages(this.#headOf(update), update.changes, link.cutsFiles)) {
      if (this.#inFlight !== update || this.#link !== link) return;
      if ((message.part ?? 0) >= arrived) yield message;
    }
  }

  #headOf({ state: { seq, snapshot }, base, hasSameCommits }: Update): UpdateHead {
    const { commits: _commits, ...others } = snapshot.meta;
    return { ...this.#name, epoch: this.epoch, seq, base, meta: hasSameCommits ? others : snapshot.meta };
  }

  #acknowledge(version: number): void {
    this.#acknowledgedVersion = Math.max(this.#acknowledgedVersion, version);
    this.#release((waiter) => waiter.version <= this.#acknowledgedVersion);
  }

  #release(which: (waiter: { version: number }) => boolean): void {
    const waiters = this.#waiters;
    this.#waiters = waiters.filter((waiter) => !which(waiter));
    for (const waiter of waiters) if (which(waiter)) waiter.done();
  }
}

function sameCommits(a: TreeMeta, b: TreeMeta): boolean {
  return a.commits === b.commits || JSON.stringify(a.commits) === JSON.stringify(b.commits);
}

function isShort(changes: FileChanges): boolean {
  let units = 0;
  for (const [key, file] of changes) {
    units += key.length + (file === undefined ? 0 : file.path.length + file.header.length + file.hunks.length);
    if (units >= SHORT_UNITS) return false;
  }
  return true;
}
