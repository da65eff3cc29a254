import { FrameCache } from "../../../src/relay/hub/streams/frame-cache.js";
import type { TreeState } from "../../../src/relay/hub/trees/tree-state.js";
import { TurnShare } from "../../../src/relay/hub/turn-share.js";
import type { BlockedViewer, WatchedChat } from "../../../src/relay/hub/watched-chat.js";
import { SCANNED_AT } from "./states.js";

/** A chat of which a test decides everything. */
export class FakeChat implements WatchedChat {
  agentIsConnected = true;
  agentAwayMessage = "the agent is away";
  readonly turn = new TurnShare();
  readonly frames = new FrameCache(this.turn);
  readonly blocked = new Set<BlockedViewer>();
  roots: ReadonlySet<string> = new Set();
  knowsRoots = true;
  isLoading = false;
  hasLastStates = true;
  settled = false;
  gone: string[] = [];
  failures: string[] = [];
  /** Barriers that are out, oldest first. */
  readonly barriers: { pass: () => void; fail: () => void }[] = [];
  readonly #states = new Map<string, TreeState>();

  /** Shows these states and no others. */
  show(...states: TreeState[]): void {
    const roots = states.map(({ root }) => root);
    if (JSON.stringify(roots) !== JSON.stringify([...this.roots])) this.roots = new Set(roots);
    this.#states.clear();
    for (const state of states) this.#states.set(state.root, state);
  }

  states(): TreeState[] {
    return [...this.#states.values()];
  }

  views() {
    return this.states().map(({ view }) => view);
  }

  view(root: string) {
    return this.#states.get(root)?.view;
  }

  hasNoMore(root: string): boolean {
    return !this.roots.has(root);
  }

  tombstones(): string[] {
    return this.gone;
  }

  isSettled(): boolean {
    return this.settled;
  }

  scannedAt(): number {
    return Date.parse(SCANNED_AT);
  }

  troubles(): string[] {
    return this.failures;
  }

  barrier(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.barriers.push({ pass: resolve, fail: () => reject(new Error("lost")) });
    });
  }
}
