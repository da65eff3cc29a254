import type { TreeFile } from "../../src/protocol/index.js";

/** Takes the text of `git diff` apart, as the parts of a tree state. */
export function filesOf(diff: string): TreeFile[] {
  return diff
    .split(/^(?=diff --git )/m)
    .filter((patch) => patch !== "")
    .map((patch) => {
      const start = patch.search(/^@@ /m);
      const header = start === -1 ? patch : patch.slice(0, start);
      const hunks = start === -1 ? "" : patch.slice(start);
      const path = /^diff --git a\/.* b\/(.*)$/m.exec(header)?.[1] ?? header;
      const count = (sign: string) => hunks.split("\n").filter((line) => line.startsWith(sign)).length;
      return {
        key: `t:${path}`,
        path,
        header,
        hunks,
        additions: count("+"),
        deletions: count("-"),
        omitted_bytes: 0,
      };
    });
}
