import PQueue from "p-queue";
import type { AgentStatus, FileChanges } from "../../protocol/index.js";
import type { Logger } from "../../util/index.js";
import type { TreeState } from "../../worktree/index.js";
import { snapshotOf } from "./snapshot.js";
import { type Held, type Link, TreeStream } from "./tree-stream.js";
import { describe, type Trouble, troubleMessage } from "./trouble.js";

interface TreeEvents {
  state: [state: TreeState, changes: FileChanges];
  gone: [];
  trouble: [trouble: Trouble];
  scanned: [at: number];
}

/** What the agent uses of a working tree that is kept up to date. */
export interface LiveTree {
  readonly state: TreeState | undefined;
  on<E extends keyof TreeEvents>(event: E, listener: (...args: TreeEvents[E]) => void): unknown;
  /** The state after everything that could have changed before the call was read again. */
  refresh(): Promise<TreeState | undefined>;
  close(): void;
}

/** Opens working trees. */
export interface TreeSource {
  open(root: string): LiveTree;
}

export interface TreesOptions {
  source: TreeSource;
  logger: Logger;
  /** The root, its `.git`, or what a `.git` file points to is gone; or what was gone has returned. */
  onPresence: (root: string) => void;
}

/** So many trees are read for the first time at once. */
const OPENING_AT_ONCE = 2;

/** The working trees that chats want, each open once, and its stream to the relay. */
export class Trees {
  readonly #options: TreesOptions;
  readonly #opening = new PQueue({ concurrency: OPENING_AT_ONCE });
  readonly #trees = new Map<string, StreamedTree>();
  #link: Link | undefined;

  constructor(options: TreesOptions) {
    this.#options = options;
  }

  /**
   * Opens and closes trees until just these are open.
   *
   * @param wanted by root: whether somebody looks at it now
   */
  want(wanted: ReadonlyMap<string, boolean>): void {
    for (const [root, tree] of this.#trees) if (!wanted.has(root)) this.#drop(tree);
    for (const [root, watched] of wanted) {
      const tree = this.#trees.get(root) ?? this.#add(root);
      tree.setWatched(watched);
    }
  }

  /** Whether a tree that is wanted is known not to be there. */
  isGone(root: string): boolean {
    return this.#trees.get(root)?.gone === true;
  }

  /**
   * Reads a tree again and brings what is new to the relay.
   *
   * @returns when the tree was read, milliseconds since 1970, once the relay has acknowledged that state or a later
   *   one; `undefined` when the tree could not be read
   */
  async refresh(root: string): Promise<number | undefined> {
    return this.#trees.get(root)?.refresh();
  }

  status(): AgentStatus["trees"] {
    return [...this.#trees.values()].map((tree) => tree.status()).sort((a, b) => (a.root < b.root ? -1 : 1));
  }

  ack(root: string, held: Held): void {
    this.#trees.get(root)?.stream.ack(held);
  }

  resync(root: string): void {
    this.#trees.get(root)?.stream.resync();
  }

  /** A new connection; `held`: the states that the relay still has, by root. */
  connect(link: Link, held: ReadonlyMap<string, Held>): void {
    this.#link = link;
    for (const [root, tree] of this.#trees) tree.connect(link, held.get(root));
  }

  disconnect(): void {
    this.#link = undefined;
    for (const tree of this.#trees.values()) tree.disconnect();
  }

  #add(root: string): StreamedTree {
    const tree = new StreamedTree(root, {
      trouble: (trouble) => {
        this.#options.logger.warn({ root, code: trouble.code }, trouble.message);
        this.#link?.send(troubleMessage(trouble, { root }));
      },
      presence: () => {
        if (tree.gone) this.#link?.send({ type: "gone", root });
        this.#options.onPresence(root);
      },
    });
    if (this.#link !== undefined) tree.connect(this.#link, undefined);
    this.#trees.set(root, tree);
    void this.#opening.add(() => tree.open(this.#options.source));
    return tree;
  }

  #drop(tree: StreamedTree): void {
    this.#trees.delete(tree.root);
    tree.close();
  }
}

interface StreamedTreeHandler {
  trouble: (trouble: Trouble) => void;
  /** The tree has gone or returned. */
  presence: () => void;
}

/** One tree, from the wish for it to its end. It may go and return meanwhile. */
class StreamedTree {
  readonly root: string;
  /** The history that the relay is told; what returns has another than what went. */
  stream: TreeStream;
  gone = false;
  readonly #handler: StreamedTreeHandler;
  #tree: LiveTree | undefined;
  #link: Link | undefined;
  #watched = false;
  #closed = false;
  #offered: TreeState | undefined;
  /** The failure that was told and has not passed. */
  #told = "";
  /** Settles when the tree was read for the first time, or could not be. */
  readonly #opened: Promise<void>;
  #setOpened: () => void = () => {};

  constructor(root: string, handler: StreamedTreeHandler) {
    this.root = root;
    this.stream = new TreeStream(root);
    this.#handler = handler;
    this.#opened = new Promise((resolve) => {
      this.#setOpened = resolve;
    });
  }

  /** Settles when the tree was read for the first time, or could not be. Never rejects. */
  async open(source: TreeSource): Promise<void> {
    if (this.#closed) return;
    try {
      const tree = source.open(this.root);
      this.#tree = tree;
      tree.on("state", (state) => this.#offer(state));
      tree.on("scanned", (at) => this.stream.scanned(at));
      tree.on("trouble", (trouble) => this.#trouble(trouble));
      tree.on("gone", () => this.#leave());
      if (tree.state !== undefined) this.#offer(tree.state);
    } catch (error) {
      this.#trouble(describe(error, this.root));
    }
    await this.#opened;
  }

  connect(link: Link, held: Held | undefined): void {
    this.#link = link;
    this.stream.connect(link, held);
  }

  disconnect(): void {
    this.#link = undefined;
    this.stream.disconnect();
  }

  setWatched(watched: boolean): void {
    this.#watched = watched;
    this.stream.setWatched(watched);
  }

  async refresh(): Promise<number | undefined> {
    await this.#opened;
    if (this.#closed) return undefined;
    try {
      const read = await this.#tree?.refresh();
      // a newer state may have come while the answer was under way
      const state = this.#tree?.state ?? read;
      if (read === undefined || state === undefined) return undefined;
      this.#offer(state);
      await this.stream.settled();
      return state.scannedAt;
    } catch (error) {
      this.#trouble(describe(error, this.root));
      return undefined;
    }
  }

  status(): AgentStatus["trees"][number] {
    const state = this.#tree?.state;
    return {
      root: this.root,
      watched: this.#watched,
      state: this.gone ? "gone" : state === undefined ? "reading" : "live",
      health: state?.health ?? "",
      changed_files: state?.files.length ?? 0,
      scanned_at: state === undefined ? null : new Date(state.scannedAt).toISOString(),
      problem: this.#told === "" ? null : this.#told,
    };
  }

  close(): void {
    this.#closed = true;
    this.#setOpened();
    this.stream.disconnect();
    this.#tree?.close();
  }

  #offer(state: TreeState): void {
    if (this.#closed || state === this.#offered) return;
    this.#offered = state;
    this.#told = "";
    const returned = this.gone;
    this.gone = false;
    this.stream.offer(snapshotOf(state));
    this.#setOpened();
    if (returned) this.#handler.presence();
  }

  #leave(): void {
    if (this.#closed || this.gone) return;
    this.gone = true;
    this.#offered = undefined;
    this.stream.disconnect();
    this.stream = new TreeStream(this.root);
    if (this.#link !== undefined) this.stream.connect(this.#link, undefined);
    this.stream.setWatched(this.#watched);
    this.#setOpened();
    this.#handler.presence();
  }

  #trouble(trouble: Trouble): void {
    this.#setOpened();
    if (this.#closed || trouble.message === this.#told) return;
    this.#told = trouble.message;
    this.#handler.trouble(trouble);
  }
}
