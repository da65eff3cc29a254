import {
  type AgentStatus,
  type ComparisonMeta,
  comparisonKey,
  type FileChanges,
  type WantedComparison,
} from "../../protocol/index.js";
import { withoutCredentials } from "../../util/index.js";
import type { TreeState } from "../../worktree/index.js";
import type { Link, Resumption, StateRef } from "./link.js";
import type { SecretsPolicy, TreeSecrets } from "./secrets-policy.js";
import { snapshotOf } from "./snapshot.js";
import { TreeStream } from "./tree-stream.js";
import { describe, type Trouble } from "./trouble.js";

/** What the agent uses of a working tree that is kept up to date. */
export interface LiveTree {
  readonly state: TreeState | undefined;
  /** `changes` lead from the state of the event before, or from the empty list at first; absent: not known. */
  on(event: "state", listener: (state: TreeState, changes?: FileChanges) => void): unknown;
  on(event: "gone", listener: () => void): unknown;
  on(event: "trouble", listener: (trouble: Trouble) => void): unknown;
  /** The tree was read and is unchanged. `at`: milliseconds since 1970. */
  on(event: "scanned", listener: (at: number) => void): unknown;
  /** The state after everything that could have changed before the call was read again. */
  refresh(): Promise<TreeState | undefined>;
  close(): void;
}

/** Opens working trees. */
export interface TreeSource {
  /** @param compare with what the tree is compared, where that is not HEAD */
  open(root: string, compare?: WantedComparison): LiveTree;
}

/** What a {@link StreamedTree} reports. */
export interface StreamedTreeHandler {
  /** A failure that leaves the last good state standing; once, until it has passed. */
  onTrouble: (trouble: Trouble) => void;
  /** The tree has gone or returned. */
  onPresence: () => void;
}

/** One tree, from the wish for it to its end. It may go and return meanwhile. */
export class StreamedTree {
  readonly root: string;
  /** Known not to be there. */
  gone = false;
  readonly #handler: StreamedTreeHandler;
  readonly #policy: SecretsPolicy | undefined;
  readonly #compare: WantedComparison | undefined;
  #secrets: TreeSecrets | undefined;
  /** What returns has another history than what went, so it gets a stream of its own. */
  #stream: TreeStream;
  #tree: LiveTree | undefined;
  #link: Link | undefined;
  #watched = false;
  #closed = false;
  /** The state that the stream got last. */
  #streamed: TreeState | undefined;
  /** What was left of it. */
  #shown: TreeState | undefined;
  /** What the tree was last compared with. */
  #base: ComparisonMeta | undefined;
  /** The message of the last failure, until it has passed. */
  #problem: string | undefined;
  /** Settles when the tree was read for the first time, or could not be. */
  readonly #opened: Promise<void>;
  #setOpened: () => void = () => {};

  /**
   * @param policy what is hidden; absent: nothing is
   * @param compare with what the tree is compared, where that is not HEAD
   */
  constructor(root: string, handler: StreamedTreeHandler, policy?: SecretsPolicy, compare?: WantedComparison) {
    this.root = root;
    this.#policy = policy;
    this.#compare = compare;
    this.#stream = this.#newStream();
    this.#handler = handler;
    this.#opened = new Promise((resolve) => {
      this.#setOpened = resolve;
    });
  }

  /** Settles when the tree was read for the first time, or could not be. Never rejects. */
  async open(source: TreeSource): Promise<void> {
    if (this.#closed) return;
    try {
      if (this.#policy !== undefined)
        this.#secrets = await this.#policy.forTree(this.root, this.#compare?.request.kind !== "commit");
      if (this.#closed) return;
      const tree = source.open(this.root, this.#compare);
      this.#tree = tree;
      tree.on("state", (state, changes) => this.#onState(state, changes));
      tree.on("scanned", (at) => this.#stream.scanned(at));
      tree.on("trouble", (trouble) => this.#onTrouble(trouble));
      tree.on("gone", () => this.#onGone());
      if (tree.state !== undefined) this.#onState(tree.state);
    } catch (error) {
      this.#onTrouble(describe(error, this.root));
    }
    await this.#opened;
  }

  /** Uses a new connection. @param from what the relay says it has of the tree */
  connect(link: Link, from: Resumption = {}): void {
    this.#link = link;
    this.#stream.connect(link, from);
  }

  disconnect(): void {
    this.#link = undefined;
    this.#stream.disconnect();
  }

  /** The relay has taken over a state. */
  ack(state: StateRef): void {
    this.#stream.ack(state);
  }

  /** The relay has lost what the last update was based on. */
  resync(): void {
    this.#stream.resync();
  }

  /** Whether anybody looks at the tree. While nobody does, nothing is sent. */
  setWatched(watched: boolean): void {
    this.#watched = watched;
    this.#stream.setWatched(watched);
  }

  /**
   * Reads the tree again. Never rejects.
   *
   * @returns when it was read, milliseconds since 1970, once the relay has acknowledged that state or a later one;
   *   `undefined` when it could not be read
   */
  async refresh(): Promise<number | undefined> {
    await this.#opened;
    if (this.#closed) return undefined;
    try {
      const read = await this.#tree?.refresh();
      // a newer state may have come while the answer was under way
      const state = this.#tree?.state ?? read;
      if (read === undefined || state === undefined) return undefined;
      this.#onState(state);
      await this.#stream.latestAcknowledged();
      return state.scannedAt;
    } catch (error) {
      this.#onTrouble(describe(error, this.root));
      return undefined;
    }
  }

  status(): AgentStatus["trees"][number] {
    const state = this.#tree?.state;
    return {
      root: this.root,
      watched: this.#watched,
      state: this.gone ? "gone" : state === undefined ? "reading" : "live",
      health: withoutCredentials(state?.health ?? ""),
      changed_files: state?.files.length ?? 0,
      filters_not_run: state?.files.filter((file) => file.filter_not_run !== undefined).length ?? 0,
      withheld_files: this.#shown?.files.filter((file) => file.withheld !== undefined).length ?? 0,
      masked_files: this.#shown?.files.filter((file) => file.masked !== undefined).length ?? 0,
      scanned_at: state === undefined ? null : new Date(state.scannedAt).toISOString(),
      problem: this.#problem ?? null,
    };
  }

  close(): void {
    this.#closed = true;
    this.#setOpened();
    this.#stream.disconnect();
    this.#tree?.close();
  }

  #onState(state: TreeState, changes?: FileChanges): void {
    if (this.#closed || state === this.#streamed) return;
    this.#streamed = state;
    this.#problem = undefined;
    const returned = this.gone;
    this.gone = false;
    this.#send(state, changes);
    this.#setOpened();
    if (returned) this.#handler.onPresence();
  }

  #send(state: TreeState, changes: FileChanges | undefined): void {
    const filtered = this.#secrets?.filter(state, changes);
    const isMoved = hasOtherBase(this.#base, state.compared?.meta);
    this.#base = state.compared?.meta;
    if (filtered?.isNewEpoch === true || isMoved) this.#startStream();
    this.#shown = filtered?.state ?? state;
    this.#stream.update(snapshotOf(this.#shown, this.#stream.latest), filtered?.changes ?? changes);
  }

  /** What follows has nothing to do with what was sent so far. */
  #startStream(): void {
    this.#stream.disconnect();
    this.#stream = this.#newStream();
    if (this.#link !== undefined) this.#stream.connect(this.#link);
    this.#stream.setWatched(this.#watched);
  }

  #newStream(): TreeStream {
    return new TreeStream(this.root, this.#compare && comparisonKey(this.#compare));
  }

  #onGone(): void {
    if (this.#closed || this.gone) return;
    this.gone = true;
    this.#streamed = undefined;
    this.#shown = undefined;
    this.#secrets?.reset();
    this.#startStream();
    this.#setOpened();
    this.#handler.onPresence();
  }

  #onTrouble(trouble: Trouble): void {
    this.#setOpened();
    const message = withoutCredentials(this.#secrets?.maskText(trouble.message) ?? trouble.message);
    if (this.#closed || message === this.#problem) return;
    this.#problem = message;
    this.#handler.onTrouble({ ...trouble, message });
  }
}

/** Whether a tree is compared with another commit than before: then its diff has nothing to do with the one before. */
function hasOtherBase(before: ComparisonMeta | undefined, after: ComparisonMeta | undefined): boolean {
  return before !== undefined && (before.kind !== after?.kind || before.base_oid !== after.base_oid);
}
