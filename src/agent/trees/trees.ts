import PQueue from "p-queue";
import { type AgentStatus, comparisonKey, treeKey, type WantedComparison } from "../../protocol/index.js";
import type { Logger } from "../../util/index.js";
import type { Link, Resumption, StateRef } from "./link.js";
import type { SecretsPolicy } from "./secrets-policy.js";
import { StreamedTree, type StreamedTreeHandler, type TreeSource } from "./streamed-tree.js";
import { logTrouble, troubleMessage } from "./trouble.js";

export interface TreesOptions {
  source: TreeSource;
  logger: Logger;
  /** The root, its `.git`, or what a `.git` file points to is gone; or what was gone has returned. */
  onPresence: (root: string) => void;
  /** What is hidden of the trees; absent: nothing is. */
  secrets?: SecretsPolicy | undefined;
}

/** A comparison of a tree with something else than HEAD. */
export interface ComparedTree {
  readonly root: string;
  readonly wanted: WantedComparison;
  /** Whether somebody looks at it now. */
  readonly watched: boolean;
}

/** So many trees are read for the first time at once. */
const OPENING_AT_ONCE = 2;

/** The working trees that chats want, each open once, and its stream to the relay. */
export class Trees {
  readonly #options: TreesOptions;
  readonly #opening = new PQueue({ concurrency: OPENING_AT_ONCE });
  /** By the name that `treeKey` gives them: the root, where a tree is compared with HEAD. */
  readonly #trees = new Map<string, StreamedTree>();
  #link: Link | undefined;

  constructor(options: TreesOptions) {
    this.#options = options;
  }

  /**
   * Opens and closes trees until just these are open.
   *
   * @param wanted by root: whether somebody looks at it now
   * @param comparisons of these, with something else than HEAD; each once
   */
  want(wanted: ReadonlyMap<string, boolean>, comparisons: readonly ComparedTree[] = []): void {
    const keys = new Map(comparisons.map((compared) => [keyOf(compared), compared]));
    for (const [key, tree] of this.#trees) if (!wanted.has(key) && !keys.has(key)) this.#drop(key, tree);
    for (const [root, watched] of wanted) {
      const tree = this.#trees.get(root) ?? this.#add(root);
      tree.setWatched(watched);
    }
    for (const [key, { root, wanted: compare, watched }] of keys) {
      const tree = this.#trees.get(key) ?? this.#add(root, compare);
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
  async refresh(root: string, compare?: string): Promise<number | undefined> {
    return this.#trees.get(treeKey(root, compare))?.refresh();
  }

  /** Of the trees themselves, without their comparisons. */
  status(): AgentStatus["trees"] {
    return [...this.#trees.entries()]
      .flatMap(([key, tree]) => (key === tree.root ? tree : []))
      .map((tree) => tree.status())
      .sort((a, b) => (a.root < b.root ? -1 : 1));
  }

  /** The relay has taken over a state of a tree. */
  ack(root: string, state: StateRef, compare?: string): void {
    this.#trees.get(treeKey(root, compare))?.ack(state);
  }

  /** The relay has lost what a tree's last update was based on. */
  resync(root: string, compare?: string): void {
    this.#trees.get(treeKey(root, compare))?.resync();
  }

  /** Uses a new connection. @param from what the relay still has of each tree, by the name that `treeKey` gives it */
  connect(link: Link, from: ReadonlyMap<string, Resumption>): void {
    this.#link = link;
    for (const [key, tree] of this.#trees) tree.connect(link, from.get(key));
  }

  disconnect(): void {
    this.#link = undefined;
    for (const tree of this.#trees.values()) tree.disconnect();
  }

  #add(root: string, compare?: WantedComparison): StreamedTree {
    const { secrets: policy, source } = this.#options;
    const tree = new StreamedTree(root, compare === undefined ? this.#handler(root) : NO_HANDLER, policy, compare);
    if (this.#link !== undefined) tree.connect(this.#link);
    this.#trees.set(treeKey(root, compare && comparisonKey(compare)), tree);
    void this.#opening.add(() => tree.open(source));
    return tree;
  }

  #handler(root: string): StreamedTreeHandler {
    return {
      onTrouble: (trouble) => {
        logTrouble(this.#options.logger, trouble, { root });
        this.#link?.send(troubleMessage(trouble, { root }));
      },
      onPresence: () => {
        if (this.isGone(root)) this.#link?.send({ type: "gone", root });
        this.#options.onPresence(root);
      },
    };
  }

  #drop(key: string, tree: StreamedTree): void {
    this.#trees.delete(key);
    tree.close();
  }
}

/** Of a comparison, what goes wrong and whether the tree is there is what is known of the tree itself. */
const NO_HANDLER: StreamedTreeHandler = { onTrouble: () => {}, onPresence: () => {} };

function keyOf({ root, wanted }: ComparedTree): string {
  return treeKey(root, comparisonKey(wanted));
}
