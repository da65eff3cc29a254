import type { TreeFile } from "../../src/protocol/index.js";
import type { Random } from "../support/random.js";

/** A modified file with one hunk of these rows. @param rows each with its first character */
export function fileWith(path: string, rows: readonly string[], start = 1): TreeFile {
  const count = (signs: string) => rows.filter((row) => signs.includes(row[0] ?? "")).length;
  return {
    key: `t:${path}`,
    path,
    header: `diff --git a/${path} b/${path}\nindex ${"1".repeat(40)}..${"2".repeat(40)} 100644\n--- a/${path}\n+++ b/${path}\n`,
    hunks: `@@ -${start},${count(" -")} +${start},${count(" +")} @@ heading\n${rows.join("\n")}\n`,
    additions: count("+"),
    deletions: count("-"),
    omitted_bytes: 0,
  };
}

/** Rows of code, drawn at random. @param name what stands in each, so that no other file has the same */
export function randomRows(random: Random, name: string, count: number): string[] {
  return Array.from({ length: count }, (_, at) => {
    const sign = random.pick([" ", " ", "+", "-"]);
    return `${sign}const ${name}_${at}_${random.below(1_000)} = "${"x".repeat(random.below(60))}"; // ${random.below(9)}`;
  });
}

/** Other rows in the place of some, drawn at random: more, fewer, or others. */
export function edited(random: Random, rows: readonly string[], name: string): string[] {
  const at = random.below(rows.length + 1);
  const gone = random.below(Math.min(6, rows.length - at) + 1);
  return [
    ...rows.slice(0, at),
    ...randomRows(random, `${name}_new${random.below(1e6)}`, random.below(12)),
    ...rows.slice(at + gone),
  ];
}
