import { LRUCache } from "lru-cache";
import { z } from "zod";
import type { SecretsMode } from "../../../protocol/index.js";
import type { Clock, Logger } from "../../../util/index.js";
import { RepeatedLog } from "../../repeated-log.js";
import { packState, unpackState } from "../packed-state.js";
import type { StoredTree, TreeHead } from "../records.js";
import type { TreeStates } from "../store.js";
import { StoreUnavailableError } from "../trouble.js";
import { FreshReads } from "./fresh-reads.js";
import { KeyedStream } from "./keyed-stream.js";
import type { NatsLink } from "./nats-link.js";
import { TREE_STREAM } from "./streams.js";
import { treeSubject, treesOf } from "./subjects.js";
import { WriteBehind } from "./write-behind.js";

/** States at hand, packed, of so many bytes: those that were read or written last. Of others nobody knows here. */
const MAX_AT_HAND_BYTES = 64 * 1024 * 1024;
/** So many trees are known by their names. */
const MAX_KNOWN = 200_000;
/** A message is its data, its subject and its head: so many bytes are left for these two. */
const HEAD_ROOM_BYTES = 1_024;
/** Where a server does not say what it takes: NATS's own default. */
const DEFAULT_MAX_BYTES = 1024 * 1024;
/** A state that another relay writes as well is tried so often at once. */
const TRIES = 3;

const NEWLINE = 0x0a;

const headSchema = z.object({
  root: z.string(),
  epoch: z.string(),
  seq: z.int(),
  secrets: z.enum(["withhold", "send"]).optional(),
});
type Head = z.infer<typeof headSchema>;

/** A state that is kept. */
interface Kept {
  head: Head;
  revision: number;
  bytes: number;
}

/** What is known of a workspace's trees. */
interface KeptTrees {
  /** By root, those that were written first first. */
  trees: Map<string, Kept>;
  bytes: number;
}

/** Another agent's state of the tree was written meanwhile, by another relay. */
export class StateConflictError extends Error {}

/**
 * {@link TreeStates} that all relays share: a message for each tree, with a head, a newline and what `packState` made of the rest.
 *
 * What is answered amid a message is what was read when it was prepared, and what was written here since. A state is written over
 * the one that is known here: a relay that was away for long does not write over what another one has written meanwhile, until it
 * has had time to hear that it has the agent no longer.
 */
export class NatsTreeStates implements TreeStates {
  readonly #link: NatsLink;
  readonly #stream: KeyedStream;
  readonly #log: RepeatedLog;
  readonly #limit: { rows: number; bytes: number };
  /** By workspace. */
  readonly #kept = new LRUCache<string, KeptTrees>({
    maxSize: MAX_KNOWN,
    sizeCalculation: ({ trees }) => 1 + trees.size,
  });
  /** By subject. */
  readonly #atHand = new LRUCache<string, Uint8Array>({
    maxSize: MAX_AT_HAND_BYTES,
    sizeCalculation: (state) => Math.max(1, state.length),
  });
  readonly #reads = new FreshReads();
  /** Roots that were written or deleted since a reading of their workspace began: what is read of them may be of before. */
  readonly #changed = new Map<string, Set<string>>();
  readonly #behind: WriteBehind;
  /** Subjects of trees that are gone, although the store has them. */
  readonly #gone = new Set<string>();

  /** @param limit of each workspace: trees, and bytes of their states; the oldest go */
  constructor(
    link: NatsLink,
    { clock, log, limit }: { clock: Clock; log: Logger; limit: { rows: number; bytes: number } },
  ) {
    this.#link = link;
    this.#stream = new KeyedStream(link, TREE_STREAM);
    this.#log = new RepeatedLog(log, clock);
    this.#limit = limit;
    this.#behind = new WriteBehind(clock, log);
  }

  /** What the store does not answer is not there: agents say it again. */
  prepare(workspace: string): Promise<void> {
    return this.#link.unlessDown(() => this.#reads.read(workspace, () => this.#read(workspace)));
  }

  async save(workspace: string, tree: StoredTree, isOutdated: () => boolean): Promise<void> {
    const { kind } = this.#link.health.state;
    if (kind !== "ok") throw new StoreUnavailableError(kind); // it would be compressed for nothing
    const { root, epoch, seq, secrets } = tree;
    const head = { root, epoch, seq, ...(secrets !== undefined && { secrets }) };
    const state = await packState(tree);
    if (isOutdated()) return;
    const subject = treeSubject(workspace, root);
    const data = Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), state]);
    if (data.length > this.#maxBytes) {
      const bytes = data.length;
      this.#log.warn(workspace, { workspace, bytes }, "a tree's state is larger than NATS's max_payload, and not kept");
      this.delete(workspace, root); // what is there is of before
      return;
    }
    this.#gone.delete(subject);
    this.#behind.forget(subject);
    const kept = await this.#write(workspace, { subject, data, head });
    if (kept !== undefined) this.#enter(workspace, kept, state);
    this.#trim(workspace);
  }

  load(workspace: string, root: string): StoredTree | undefined {
    const head = this.#kept.get(workspace)?.trees.get(root)?.head;
    const state = this.#atHand.get(treeSubject(workspace, root));
    const unpacked = head === undefined || state === undefined ? undefined : unpackState(state);
    return head && unpacked && { secrets: undefined, ...head, ...unpacked };
  }

  /** Those alone that are at hand: agents send all others whole. */
  heads(workspace: string, limit: number): TreeHead[] {
    const newestFirst = [...(this.#kept.get(workspace)?.trees.values() ?? [])].reverse();
    return newestFirst
      .filter(({ head }) => this.#atHand.has(treeSubject(workspace, head.root)))
      .slice(0, limit)
      .map(({ head: { root, epoch, seq } }) => ({ root, epoch, seq }));
  }

  rootsOtherThan(workspace: string, secrets: SecretsMode | undefined): string[] {
    const trees = [...(this.#kept.get(workspace)?.trees.values() ?? [])];
    return trees.flatMap(({ head }) => (head.secrets === secrets ? [] : head.root));
  }

  has(workspace: string, root: string): boolean {
    return this.#kept.get(workspace)?.trees.has(root) === true && this.#atHand.has(treeSubject(workspace, root));
  }

  delete(workspace: string, root: string): void {
    const kept = this.#kept.get(workspace);
    if (kept !== undefined && !kept.trees.has(root)) return;
    const subject = treeSubject(workspace, root);
    this.#forget(workspace, root);
    this.#gone.add(subject);
    const write = async () => {
      if (!this.#gone.has(subject)) return;
      const { revision, data } = await this.#stream.last(subject);
      if (data !== undefined && this.#gone.has(subject)) await this.#stream.put(subject, undefined, revision);
      this.#gone.delete(subject); // what was written in between is another relay's, and newer
    };
    this.#behind.later(subject, { owner: workspace, write, dropped: () => this.#gone.delete(subject) });
  }

  rowCount(workspace: string): number {
    return this.#kept.get(workspace)?.trees.size ?? 0;
  }

  /** The stream lets go of what is old by itself. */
  sweep(): void {}

  /** Writes what waits. @param isOver asked now and then: there is no more time */
  flush(isOver: () => boolean): Promise<void> {
    return this.#behind.flush(isOver);
  }

  close(): void {
    this.#behind.close();
  }

  get #maxBytes(): number {
    return (this.#link.connection.info?.max_payload ?? DEFAULT_MAX_BYTES) - HEAD_ROOM_BYTES;
  }

  async #read(workspace: string): Promise<void> {
    const changed = new Set<string>();
    this.#changed.set(workspace, changed);
    const found: { kept: Kept; state: Uint8Array | undefined }[] = [];
    const answered = new Map<string, number>();
    try {
      let [atHand, oldest] = [0, 0];
      for await (const { subject, revision, data } of this.#stream.all(treesOf(workspace))) {
        answered.set(subject, revision);
        const read = data && parse(data);
        if (read === undefined || this.#gone.has(subject)) continue;
        const { head, state } = read;
        found.push({ kept: { head, revision, bytes: state.length }, state: state.slice() }); // not all that came with it
        atHand += state.length;
        for (; atHand > MAX_AT_HAND_BYTES; oldest += 1) {
          const entry = found[oldest];
          atHand -= entry?.kept.bytes ?? 0;
          if (entry !== undefined) entry.state = undefined; // the newest are wanted
        }
      }
      await this.#readNewer(workspace, answered, changed);
    } finally {
      this.#changed.delete(workspace);
    }
    const newer = [...(this.#kept.get(workspace)?.trees.values() ?? [])].filter(({ head }) => changed.has(head.root));
    this.#kept.set(workspace, { trees: new Map(), bytes: 0 });
    for (const { kept, state } of found) {
      if (changed.has(kept.head.root)) continue;
      if (state === undefined) this.#atHand.delete(treeSubject(workspace, kept.head.root)); // it is of before
      this.#enter(workspace, kept, state);
    }
    for (const kept of newer) this.#enter(workspace, kept);
  }

  /**
   * Asks the stream's leader of those trees of which a newer state is known here than was answered: the server may be behind, and
   * the stream may have been made anew.
   *
   * @param answered the number of each subject's message @param changed roots of which nothing is asked: it is given those that were
   */
  async #readNewer(workspace: string, answered: ReadonlyMap<string, number>, changed: Set<string>): Promise<void> {
    for (const { head, revision } of [...(this.#kept.get(workspace)?.trees.values() ?? [])]) {
      const { root } = head;
      const subject = treeSubject(workspace, root);
      if (changed.has(root) || (answered.get(subject) ?? 0) >= revision) continue;
      const there = await this.#stream.last(subject);
      if (changed.has(root)) continue; // written meanwhile
      const read = there.data && parse(there.data);
      changed.add(root);
      if (read === undefined) this.#forget(workspace, root);
      else if (there.revision !== revision) {
        const kept = { head: read.head, revision: there.revision, bytes: read.state.length };
        this.#enter(workspace, kept, read.state.slice());
      }
    }
  }

  /**
   * @returns `undefined`: a newer state of the same agent is there
   * @throws StateConflictError when another agent's is there that was not known of: the next time, it is written over
   */
  async #write(
    workspace: string,
    { subject, data, head }: { subject: string; data: Uint8Array; head: Head },
  ): Promise<Kept | undefined> {
    const bytes = data.length;
    let expected = this.#kept.get(workspace)?.trees.get(head.root)?.revision ?? 0;
    for (let left = TRIES; left > 0; left -= 1) {
      const revision = await this.#stream.put(subject, data, expected);
      if (revision !== "conflict") return { head, revision, bytes };
      const there = await this.#stream.last(subject);
      const other = there.data && parse(there.data);
      if (other !== undefined && other.head.epoch !== head.epoch) {
        const kept = { head: other.head, revision: there.revision, bytes: other.state.length };
        this.#enter(workspace, kept, other.state.slice());
        throw new StateConflictError(`another relay has written ${head.root} meanwhile`);
      }
      if (other !== undefined && other.head.seq >= head.seq) return undefined; // or it is this one: an answer was lost
      expected = there.revision;
    }
    throw new StateConflictError(`another relay writes ${head.root}`);
  }

  #enter(workspace: string, kept: Kept, state?: Uint8Array): void {
    const { root } = kept.head;
    const known = this.#kept.get(workspace) ?? { trees: new Map<string, Kept>(), bytes: 0 };
    known.bytes += kept.bytes - (known.trees.get(root)?.bytes ?? 0);
    known.trees.delete(root); // it goes to the end
    known.trees.set(root, kept);
    this.#kept.delete(workspace); // the cache measures what is new to it alone
    this.#kept.set(workspace, known);
    this.#changed.get(workspace)?.add(root);
    if (state !== undefined) this.#atHand.set(treeSubject(workspace, root), state);
  }

  #forget(workspace: string, root: string): void {
    const known = this.#kept.get(workspace);
    if (known !== undefined) {
      known.bytes -= known.trees.get(root)?.bytes ?? 0;
      known.trees.delete(root);
    }
    this.#changed.get(workspace)?.add(root);
    this.#atHand.delete(treeSubject(workspace, root));
  }

  #trim(workspace: string): void {
    const known = this.#kept.get(workspace);
    if (known === undefined) return;
    for (const root of known.trees.keys()) {
      if (known.trees.size <= this.#limit.rows && known.bytes <= this.#limit.bytes) return;
      this.delete(workspace, root);
    }
  }
}

/** @returns `undefined`: it is damaged, or of another version */
function parse(data: Uint8Array): { head: Head; state: Uint8Array } | undefined {
  const end = data.indexOf(NEWLINE);
  if (end === -1) return undefined;
  try {
    const head = headSchema.parse(JSON.parse(Buffer.from(data.subarray(0, end)).toString()));
    return { head, state: data.subarray(end + 1) };
  } catch {
    return undefined;
  }
}
