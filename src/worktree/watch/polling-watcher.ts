import type { DirectoryWatch } from "../scan/directory-node.js";
import { NameWatches } from "./name-watches.js";
import type { TreeWatcher } from "./tree-watcher.js";

const NOTHING: DirectoryWatch = { close: () => {} };

/** Watches nothing: what is known of a tree comes from looking at it again and again, which the sweeper does. */
export class PollingWatcher implements TreeWatcher {
  readonly delivery = "none";
  readonly missing = { count: 0, code: "" };
  readonly watches = 0;

  cover(): DirectoryWatch[] {
    return [NOTHING];
  }

  coverGitDirectory(): DirectoryWatch[] {
    return [NOTHING];
  }

  coverFile(): DirectoryWatch[] {
    return [NOTHING];
  }

  isMountPoint(): boolean {
    return false; // whatever is there is looked at as often as everything else
  }

  passed(): void {}

  restart(): void {}

  close(): void {}
}

/** Names that are walked as always, and of which no event ever comes. */
export function unwatchedNames(): NameWatches {
  return new NameWatches({ watch: () => ({ close: () => {}, on: () => undefined as never }) });
}
