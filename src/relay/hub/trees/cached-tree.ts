import type { SecretsMode } from "../../../protocol/index.js";
import type { PendingUpdate } from "./pending-update.js";
import type { TreeState } from "./tree-state.js";

/** What is known of one tree, or of one comparison of it. */
export interface CachedTree {
  state: TreeState | undefined;
  /** Milliseconds since 1970. */
  scannedAt: number;
  /** The agent that is connected now has confirmed it, and follows it for a chat. */
  live: boolean;
  pending: PendingUpdate | undefined;
  /** A whole state was asked for and has not come yet. */
  resyncing: boolean;
  /** The version of the state that the store has. The state itself is not held when there is a newer one. */
  saved: string | undefined;
  /** When it was written: milliseconds since 1970. */
  savedAt: number;
  /** The version of the state when it was last looked at for saving. */
  seen: string | undefined;
  /** What the agent that sent the state did with secrets in it. */
  secrets: SecretsMode | undefined;
}

/** One of which nothing is known. @param secrets what the agent that came last does with secrets */
export function newTree(secrets: SecretsMode | undefined): CachedTree {
  return {
    state: undefined,
    scannedAt: 0,
    live: false,
    pending: undefined,
    resyncing: false,
    saved: undefined,
    savedAt: Date.now(),
    seen: undefined,
    secrets,
  };
}

/** What the protocol names a state of a tree by. */
export function versionOf({ epoch, seq }: TreeState): string {
  return `${epoch} ${seq}`;
}

/** Only states against HEAD are for the store. */
export function isSaved({ state, saved }: CachedTree): boolean {
  return state === undefined || state.compare !== undefined || versionOf(state) === saved;
}
