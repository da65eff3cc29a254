import type { TreeFile } from "../../src/protocol/index.js";
import type { TreeState } from "../../src/worktree/types.js";

/** A changed file of a made-up tree state. @param key `t:` or `u:` and the path */
export function fileOf(key: string, hunks = "@@ -1 +1 @@\n-a\n+b\n"): TreeFile {
  const path = key.slice(2);
  return { key, path, header: `diff --git a/${path} b/${path}\n`, hunks, additions: 1, deletions: 1, omitted_bytes: 0 };
}

/** A made-up tree state. @param scannedAt milliseconds since 1970 */
export function stateOf(root: string, files: readonly TreeFile[], scannedAt = 1_770_000_000_000): TreeState {
  return { root, head: "", branch: "main", remoteOrigin: "", scannedAt, health: "", files };
}
