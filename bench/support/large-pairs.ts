import type { Pair } from "../../test/parity/generate.js";
import { Random } from "../../test/support/random.js";

const MIB = 1 << 20;
const WORDS = "const return value index if for of map set get key list item node path text line size type name".split(
  " ",
);

/** A line as programs have them, about 30 bytes with its indent. */
function sourceLine(random: Random): string {
  const words = Array.from({ length: 2 + random.below(5) }, () => random.pick(WORDS));
  return "  ".repeat(random.below(5)) + words.join(" ") + random.pick([";", " {", "", ","]);
}

/** Lines of together about 1 MiB, of which the share `common` are ones that files of this sort have many times. */
function sourceLines(random: Random, common: number): string[] {
  const shared = ["", "  }", "}", "    return;", "  } else {", "/**", " */"];
  const lines: string[] = [];
  for (let bytes = 0; bytes < MIB; ) {
    const line = random.chance(common) ? random.pick(shared) : sourceLine(random);
    lines.push(line);
    bytes += line.length + 1;
  }
  return lines;
}

function shortLines(random: Random, size: number, distinct: number): string[] {
  return Array.from({ length: MIB / (size + 1) }, () => random.below(distinct).toString(36).padStart(size, "0"));
}

function pair(name: string, before: readonly string[], after: readonly string[]): Pair {
  const bytes = (lines: readonly string[]) => Buffer.from(`${lines.join("\n")}\n`);
  return { name, before: bytes(before), after: bytes(after) };
}

/**
 * Pairs of files of 1 MiB: the five of everyday, and three whose cost is all search: of all that was tried, the last one
 * takes longest.
 */
export function largePairs(): Pair[] {
  const random = new Random(1);
  const lines = sourceLines(random, 0.3);
  const few = [...lines];
  for (let i = 0; i < 20; i += 1) few.splice(random.below(few.length), random.below(3), sourceLine(random));
  const shuffled = [...lines];
  for (let i = shuffled.length - 1; i > 0; i -= 1) {
    const j = random.below(i + 1);
    [shuffled[i], shuffled[j]] = [shuffled[j] ?? "", shuffled[i] ?? ""];
  }
  const equal = Array.from({ length: MIB / 16 }, () => "    all the same");
  return [
    pair("few edits", lines, few),
    pair("rewritten: unrelated source text", lines, sourceLines(new Random(2), 0.3)),
    pair("reordered: the same lines, shuffled", lines, shuffled),
    pair(
      "all lines equal, one in 500 replaced",
      equal,
      equal.map((line, i) => (i % 500 === 7 ? `other ${i}` : line)),
    ),
    pair("all lines different", numbered("before"), numbered("after")),
    pair("unrelated, 2-byte lines, 500 distinct ones", shortLines(random, 2, 500), shortLines(random, 2, 500)),
    pair("unrelated, 2-byte lines, 10 distinct ones", shortLines(random, 2, 10), shortLines(random, 2, 10)),
    pair("unrelated, 1-byte lines, 2 distinct ones", shortLines(random, 1, 2), shortLines(random, 1, 2)),
  ];
}

function numbered(word: string): string[] {
  return Array.from({ length: MIB / 30 }, (_, i) => `  line ${i} of the file ${word}`);
}
