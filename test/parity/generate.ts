import { Random } from "../support/random.js";

/** Two versions of a file. */
export interface Pair {
  readonly name: string;
  readonly before: Uint8Array;
  readonly after: Uint8Array;
}

type Lines = string[];

// One character per byte: the text becomes bytes as latin1, so that bytes that are not UTF-8 occur.
const CODE = [
  "{",
  "}",
  "",
  "  {",
  "  }",
  "    }",
  "\t}",
  "",
  "  return x;",
  "    return y;",
  "int f(void)",
  "function g() {",
  "_end",
  "$(x) {",
  "  else {",
  "/*",
  " */",
  "        deep",
  "\t\ttabs",
  "  \t mixed",
  "   ",
  "\f",
  "\v  x",
  "\xe9t\xe9()",
  "gr\xc3\xbc\xc3\x9fe()",
  "x".repeat(90),
  `${"y".repeat(78)}\xc3\xbc`,
  // UTF-8 as it should be, and as it should not
  "a\xe2\x82\xac b\xf0\x9f\x98\x80 c\xed\x9f\xbf d\xef\xbf\xbd",
  "d\xed\xa0\x80",
  "e\xe0\x9f\xbf",
  "f\xf4\x90\x80\x80",
  "g\xf0\x8f\xbf\xbf",
  "h \xef\xbf\xbe",
  "i\xc1\xbf",
  "j\xf5\x80\x80\x80",
  "k\xe2\x82",
  `${" ".repeat(210)}x`,
  `${"\t".repeat(26)}y`,
];

/** Lines that repeat a lot, and, as `variety` grows to 1, lines that don't. */
function code(random: Random, count: number, variety: number): Lines {
  const words = CODE.slice(0, 1 + random.below(CODE.length));
  return Array.from({ length: count }, () =>
    random.chance(variety) ? `${random.pick(words)}${random.below(count)}` : random.pick(words),
  );
}

function edit(random: Random, lines: Lines, edits: number, variety: number): Lines {
  const edited = [...lines];
  for (let i = 0; i < edits; i += 1) {
    const at = random.below(edited.length + 1);
    const size = random.small(1, 8);
    switch (random.below(6)) {
      case 0:
        edited.splice(at, size);
        break;
      case 1:
        edited.splice(at, 0, ...code(random, size, variety));
        break;
      case 2:
        edited.splice(random.below(edited.length + 1), 0, ...edited.splice(at, size * 2));
        break;
      case 3:
        edited.splice(random.below(edited.length + 1), 0, ...edited.slice(at, at + size * 2));
        break;
      case 4:
        edited.splice(at, 1, random.pick(CODE));
        break;
      default:
        for (let j = at; j < Math.min(edited.length, at + size); j += 1) edited[j] = `  ${edited[j]}`;
    }
  }
  return edited;
}

/** Blocks that look alike: taking one out, or putting one in, leaves much room to slide. */
function lookAlikes(random: Random, blocks: number): Lines {
  const shape = code(random, 2 + random.below(8), 0);
  return Array.from({ length: blocks }, (_, i) =>
    shape.map((line) => (random.chance(0.1) ? `${line}${i}` : line)).concat(random.chance(0.7) ? [""] : []),
  ).flat();
}

function equalLines(random: Random, count: number): Lines {
  const line = random.pick(CODE);
  return Array.from({ length: count }, () => (random.chance(0.01) ? random.pick(CODE) : line));
}

/** Whole versions by kind: the lines before, and after. */
const KINDS: Readonly<Record<string, (random: Random) => [Lines, Lines]>> = {
  edited(random) {
    const variety = random.next();
    const lines = code(random, random.small(0, 300), variety);
    return [lines, edit(random, lines, random.small(1, 20), variety)];
  },
  rewritten(random) {
    const variety = random.next();
    const size = random.small(1, 200);
    const lines = code(random, size, variety);
    return [lines, edit(random, lines, size, variety)];
  },
  unrelated(random) {
    const variety = random.next();
    return [code(random, random.small(0, 100), variety), code(random, random.small(0, 100), variety)];
  },
  blankRuns(random) {
    const lines = code(random, random.small(1, 60), 0.3).flatMap((line) => [
      line,
      ...Array.from({ length: random.small(0, 25) }, () => random.pick(["", "", "  ", "\t"])),
    ]);
    return [lines, edit(random, lines, random.small(1, 8), 0.3)];
  },
  lookAlikes(random) {
    const lines = lookAlikes(random, random.small(2, 60));
    return [lines, edit(random, lines, random.small(1, 6), 0)];
  },
  repeatedBlocks(random) {
    const block = lookAlikes(random, 1 + random.below(3));
    const repeat = (times: number) => Array.from({ length: times }, () => block).flat();
    const lines = repeat(random.small(1, 60));
    return [lines, random.chance(0.5) ? repeat(random.small(1, 60)) : edit(random, lines, random.small(1, 4), 0)];
  },
  moved(random) {
    const lines = code(random, random.small(4, 400), 0.9);
    const at = random.below(lines.length);
    const rest = [...lines];
    const block = rest.splice(at, random.small(1, 100));
    rest.splice(random.below(rest.length + 1), 0, ...block);
    return [lines, rest];
  },
  reindented(random) {
    const lines = code(random, random.small(2, 120), 0.4);
    const from = random.below(lines.length);
    const to = from + random.small(1, 60);
    const indent = random.pick([" ", "  ", "\t", "        "]);
    return [lines, lines.map((line, i) => (i >= from && i < to ? indent + line : line))];
  },
  equalLines(random) {
    const lines = equalLines(random, random.small(1, 3000));
    return [lines, random.chance(0.5) ? edit(random, lines, 4, 0) : equalLines(random, random.small(1, 3000))];
  },
  bytes(random) {
    const bytes = (count: number) =>
      String.fromCharCode(...Array.from({ length: count }, () => (random.chance(0.2) ? 10 : random.below(256))));
    const text = bytes(random.small(0, 400));
    return [text.split("\n"), (text.slice(0, random.below(text.length + 1)) + bytes(random.small(0, 40))).split("\n")];
  },
  emptySide(random) {
    const lines = code(random, random.small(1, 50), 0.5);
    return random.chance(0.5) ? [[], lines] : [lines, []];
  },
};

/** Kinds that cost much more than others, each with its share of all pairs. */
const LARGE_KINDS: readonly (readonly [share: number, kind: string, make: (random: Random) => [Lines, Lines]])[] = [
  [
    1 / 400,
    "manyEdits",
    (random) => {
      const size = 1000 + random.below(20_000);
      const variety = 0.5 + random.next() / 2;
      const lines = code(random, size, variety);
      return [lines, edit(random, lines, size / (3 + random.below(30)), variety)];
    },
  ],
  [
    1 / 250,
    "snakes",
    (random) => {
      // Runs of equal lines, parted by lines in another order: so many edits that the search settles for such a run.
      // It does so before it gives up only if more than 65,536 lines take part.
      const run = 15 + random.below(20);
      const size = (random.chance(0.5) ? 33_000 : 3000) + random.below(8000);
      const lines = Array.from({ length: size }, () => String(random.below(size * 4)));
      const shuffled = [...lines];
      for (let at = random.below(run); at + 3 < size; at += 1 + random.below(2 * run)) {
        const part = shuffled.slice(at, at + 2 + random.below(3));
        shuffled.splice(at, part.length, ...part.reverse());
      }
      if (random.chance(0.5)) return [lines, shuffled];
      // a region in which hardly anything is in order, at one end
      const region = 400 + random.below(1500);
      const end = random.chance(0.5) ? 0 : size - region;
      const jumbled = shuffled.slice(end, end + region).sort(() => random.next() - 0.5);
      return [lines, shuffled.toSpliced(end, region, ...jumbled)];
    },
  ],
  [
    1 / 600,
    "jumbled",
    (random) => {
      const lines = code(random, 500 + random.below(random.chance(0.2) ? 60_000 : 3000), random.pick([0.5, 0.9, 1]));
      return [lines, [...lines].sort(() => random.next() - 0.5)];
    },
  ],
  [
    1 / 600,
    "fewWords",
    (random) => {
      const size = 500 + random.below(4000);
      return [code(random, size, 0.1), code(random, size, 0.1)];
    },
  ],
];

const KIND_NAMES = Object.keys(KINDS);

function linesOf(random: Random): [kind: string, before: Lines, after: Lines] {
  for (const [share, kind, make] of LARGE_KINDS) if (random.chance(share)) return [kind, ...make(random)];
  const kind = random.pick(KIND_NAMES);
  const [before, after] = (KINDS[kind] as (random: Random) => [Lines, Lines])(random);
  return [kind, before, after];
}

/** A pair in which what is hard for a line diff is likely. The same seed gives the same pair. */
export function generatePair(seed: number): Pair {
  const random = new Random(seed);
  const [kind, before, after] = linesOf(random);
  const lineFeed = random.chance(0.1) ? "\r\n" : "\n";
  const nul = random.chance(0.03);
  const bytes = (lines: Lines) => {
    const ended = random.chance(0.85) && lines.length > 0;
    const text = lines.join(random.chance(0.02) ? "\r\n" : lineFeed) + (ended ? lineFeed : "");
    const at = random.below(text.length + 1);
    return Buffer.from(nul ? `${text.slice(0, at)}\0${text.slice(at)}` : text, "latin1");
  };
  const [one, other] = [bytes(before), bytes(after)];
  const name = `${kind}, seed ${seed}`;
  return random.chance(0.5) ? { name, before: one, after: other } : { name, before: other, after: one };
}
