import type { TreeFile } from "../../src/protocol/index.js";
import { LineScanner, loadPreset, PathRules, SecretsFilter } from "../../src/secrets/index.js";

const scanner = new LineScanner((await loadPreset()).keywords);

/** A filter as an agent has one. @param options `now`: a clock that stands still, as work has no time in tests */
export function newFilter({
  allow = [],
  deny = [],
  textOf,
  now = () => 0,
}: {
  allow?: string[];
  deny?: string[];
  textOf?: (path: string) => string | undefined;
  now?: () => number;
} = {}): SecretsFilter {
  return new SecretsFilter({ scanner, rules: new PathRules({ allow, deny }), key: new Uint8Array(32), now, textOf });
}

export const IDS = { old: "1".repeat(40), new: "2".repeat(40) };

/** A tracked file's patch of one hunk. @param lines with their signs @param place of the hunk */
export function patchOf(path: string, lines: readonly string[], { line = 1, heading = "" } = {}): TreeFile {
  const count = (signs: string) => lines.filter((each) => signs.includes(each[0] ?? "")).length;
  const head = `@@ -${line},${count(" -")} +${line},${count(" +")} @@${heading === "" ? "" : ` ${heading}`}`;
  return {
    key: `t:${path}`,
    path,
    header: `diff --git a/${path} b/${path}\nindex ${IDS.old}..${IDS.new} 100644\n--- a/${path}\n+++ b/${path}\n`,
    hunks: `${[head, ...lines].join("\n")}\n`,
    additions: lines.filter((each) => each.startsWith("+")).length,
    deletions: lines.filter((each) => each.startsWith("-")).length,
    omitted_bytes: 0,
  };
}

/** What a new filter leaves of one file. */
export function filtered(file: TreeFile, options: Parameters<typeof newFilter>[0] = {}): TreeFile {
  const [left] = newFilter(options).update([file]).files;
  if (left === undefined) throw new Error("the file is gone");
  return left;
}
