import PQueue from "p-queue";
import type { AgentStatus } from "../../protocol/index.js";
import type { Logger } from "../../util/index.js";
import type { Link, Resumption, StateRef } from "./link.js";
import type { SecretsPolicy } from "./secrets-policy.js";
import { StreamedTree, type TreeSource } from "./streamed-tree.js";
import { logTrouble, troubleMessage } from "./trouble.js";

export interface TreesOptions {
  source: TreeSource;
  logger: Logger;
  /** The root, its `.git`, or what a `.git` file points to is gone; or what was gone has returned. */
  onPresence: (root: string) => void;
  /** What is hidden of the trees; absent: nothing is. */
  secrets?: SecretsPolicy | undefined;
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

  /** The relay has taken over a state of a tree. */
  ack(root: string, state: StateRef): void {
    this.#trees.get(root)?.ack(state);
  }

  /** The relay has lost what a tree's last update was based on. */
  resync(root: string): void {
    this.#trees.get(root)?.resync();
  }

  /** Uses a new connection. @param from what the relay still has of each tree, by root */
  connect(link: Link, from: ReadonlyMap<string, Resumption>): void {
    this.#link = link;
    for (const [root, tree] of this.#trees) tree.connect(link, from.get(root));
  }

  disconnect(): void {
    this.#link = undefined;
    for (const tree of this.#trees.values()) tree.disconnect();
  }

  #add(root: string): StreamedTree {
    const tree = new StreamedTree(
      root,
      {
        onTrouble: (trouble) => {
          logTrouble(this.#options.logger, trouble, { root });
          this.#link?.send(troubleMessage(trouble, { root }));
        },
        onPresence: () => {
          if (tree.gone) this.#link?.send({ type: "gone", root });
          this.#options.onPresence(root);
        },
      },
      this.#options.secrets,
    );
    if (this.#link !== undefined) tree.connect(this.#link);
    this.#trees.set(root, tree);
    void this.#opening.add(() => tree.open(this.#options.source));
    return tree;
  }

  #drop(tree: StreamedTree): void {
    this.#trees.delete(tree.root);
    tree.close();
  }
}
