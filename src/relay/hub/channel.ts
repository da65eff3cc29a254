import { coalesce } from "../../util/index.js";
import type { FrameCache } from "./streams/frame-cache.js";
import type { TreeState } from "./trees/tree-state.js";
import type { TreeView } from "./trees/tree-view.js";
import type { Viewer } from "./viewer.js";
import type { Workspace } from "./workspace.js";

const NONE: ReadonlySet<string> = new Set();

/** So many failures of one chat as a whole are kept for viewers to come, and of trees that are not its own. */
const MAX_TROUBLES = 100;

/** One chat that is being watched: which trees belong to it, and who looks. */
export class Channel {
  readonly chat: string;
  readonly viewers = new Set<Viewer>();
  /** What the chat is bound to; none: every repository that the agent finds. */
  paths: readonly string[];
  /**
   * Passes once every write that was finished before the call is in the states here. One is under way at a time, and one
   * waits: however many clients refresh, the agent reads its trees no more often than it can.
   * Rejects when the agent is lost meanwhile.
   */
  readonly barrier: () => Promise<void>;
  readonly workspace: Workspace;
  #roots: ReadonlySet<string> | undefined;
  /** When the last barrier passed, and when the agent last listed the trees: milliseconds since 1970. */
  #checkedAt = 0;
  /** The failures of the chat's trees, by root. */
  readonly #troubles = new Map<string, string>();
  /** The chat's own failures; and those before the agent last listed its trees, which viewers have been told. */
  #ownTroubles = new Set<string>();
  #formerTroubles: ReadonlySet<string> = new Set();

  constructor(workspace: Workspace, chat: string, paths: readonly string[]) {
    this.workspace = workspace;
    this.chat = chat;
    this.paths = paths;
    this.barrier = coalesce(async () => {
      this.#checkedAt = Math.max(this.#checkedAt, await workspace.refresh(chat));
    });
  }

  get frames(): FrameCache {
    return this.workspace.frames;
  }

  get agentIsConnected(): boolean {
    return this.workspace.status === "connected";
  }

  get agentAwayMessage(): string {
    return this.workspace.agentAwayMessage;
  }

  /** Another object whenever they were told anew. */
  get roots(): ReadonlySet<string> {
    return this.#roots ?? NONE;
  }

  /** Whether the agent, or the store in its absence, has said which trees there are. */
  get knowsRoots(): boolean {
    return this.#roots !== undefined;
  }

  setRoots(roots: Iterable<string>): void {
    this.#roots = new Set(roots);
    this.#checkedAt = Math.max(this.#checkedAt, Date.now());
    for (const root of this.#troubles.keys()) if (!this.#roots.has(root)) this.#troubles.delete(root);
  }

  /** The agent lists the chat's trees anew, and says again what still stands in its way. */
  renewTroubles(): void {
    this.#formerTroubles = this.#ownTroubles;
    this.#ownTroubles = new Set();
  }

  /** What there is to show, in the order of the roots. */
  states(): TreeState[] {
    const states: TreeState[] = [];
    for (const root of this.roots) {
      const state = this.workspace.state(root);
      if (state !== undefined) states.push(state);
    }
    return states;
  }

  views(): TreeView[] {
    const views: TreeView[] = [];
    for (const root of this.roots) {
      const view = this.workspace.state(root)?.view;
      if (view !== undefined) views.push(view);
    }
    return views;
  }

  /** Whether each of the chat's trees has been confirmed by the agent that is there now, or has failed. */
  isSettled(): boolean {
    if (this.#roots === undefined) return false;
    return [...this.#roots].every((root) => this.workspace.isLive(root) || this.#troubles.has(root));
  }

  /** Whether the agent has said which trees the chat has, and this is none of them. */
  hasNoMore(root: string): boolean {
    return this.#roots !== undefined && !this.#roots.has(root);
  }

  /** What the chat showed before and no longer has. */
  tombstones(): string[] {
    return this.workspace.tombstones(this.chat).filter((root) => !this.roots.has(root));
  }

  /**
   * When what a frame says was last known to be true, in milliseconds since 1970.
   *
   * @param told the roots that the frame carries; with none, it speaks for every tree, so the one checked longest ago counts
   * @param afterBarrier the frame answers a refresh
   */
  scannedAt(told: readonly string[], afterBarrier: boolean): number {
    if (told.length > 0) return told.reduce((last, root) => Math.max(last, this.workspace.scannedAt(root)), 0);
    if (afterBarrier) return this.#checkedAt;
    const times = this.views().map(({ root }) => this.workspace.scannedAt(root));
    return times.length > 0 ? Math.min(...times) : this.#checkedAt;
  }

  /** Tells every viewer, unless they know. @param root "" for the chat as a whole */
  trouble(root: string, message: string): void {
    if (root === "") {
      const known = this.#ownTroubles.has(message) || this.#formerTroubles.has(message);
      if (this.#ownTroubles.size < MAX_TROUBLES) this.#ownTroubles.add(message);
      if (known) return;
    } else {
      if (this.#troubles.get(root) === message) return;
      if (this.roots.has(root) || this.#troubles.size < MAX_TROUBLES) this.#troubles.set(root, message);
    }
    for (const viewer of this.viewers) viewer.tellTrouble(message);
  }

  /** The tree can be read again. */
  clearTrouble(root: string): void {
    this.#troubles.delete(root);
  }

  /** What stands in the way at present, for a viewer that has just come. */
  troubles(): string[] {
    return [...this.#ownTroubles, ...this.#troubles.values()];
  }

  tellError(message: string): void {
    for (const viewer of this.viewers) viewer.tellError(message);
  }

  flush(): void {
    for (const viewer of this.viewers) viewer.flush();
  }

  /** Waits for a barrier of its own for those who are here, and lets their first frames go. */
  start(viewers: Iterable<Viewer> = this.viewers): void {
    const waiting = [...viewers];
    this.barrier().then(
      () => {
        for (const viewer of waiting) if (viewer.channel === this) viewer.markReady();
      },
      () => undefined, // the agent was lost: whoever is here then starts anew when it is back
    );
  }
}
