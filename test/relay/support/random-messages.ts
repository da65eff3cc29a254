import type { Random } from "../../support/random.js";

const NAMES = [
  "type",
  "root",
  "chat",
  "roots",
  "seq",
  "base",
  "meta",
  "upserts",
  "id",
  "__proto__",
  "constructor",
  "x",
];
const TEXTS = ["", "refresh", "resync", "tree", "/home/me/app", "\0", "\ud800", "🦀", "x".repeat(2_000), "{", "null"];
const NUMBERS = [0, -1, 1, 0.5, 1e308, -1e-9, 2 ** 53, 4_294_967_296];

/** A value as JSON has them, of any kind. */
export function randomValue(random: Random, depth = 3): unknown {
  switch (random.below(depth > 0 ? 6 : 4)) {
    case 0:
      return random.pick(TEXTS);
    case 1:
      return random.pick(NUMBERS);
    case 2:
      return random.pick([null, true, false]);
    case 3:
      return random.next().toString(36);
    case 4:
      return Array.from({ length: random.below(4) }, () => randomValue(random, depth - 1));
    default:
      return Object.fromEntries(
        Array.from({ length: random.below(4) }, () => [random.pick(NAMES), randomValue(random, depth - 1)]),
      );
  }
}

/**
 * What a hostile peer may send: bytes, text, JSON of no sense, and messages that are right in part or as they stand.
 *
 * @param right makes messages of the protocol
 */
export function randomMessage(random: Random, right: (random: Random) => object): string | Buffer {
  switch (random.below(6)) {
    case 0:
      return Buffer.from(Array.from({ length: random.below(40) }, () => random.below(256)));
    case 1:
      return JSON.stringify(randomValue(random));
    case 2:
      return JSON.stringify(right(random)).slice(0, -1 - random.below(20));
    case 3:
      return random.pick(["", " ", "[".repeat(5_000), '{"type":', "\u0000", '{"type":"refresh"}x', "NaN", "1e999"]);
    case 4:
      return JSON.stringify(mutated(random, right(random)));
    default:
      return JSON.stringify(right(random));
  }
}

function mutated(random: Random, message: object): object {
  const entries = Object.entries(message);
  const at = random.below(entries.length);
  const [name = "x"] = entries[at] ?? [];
  const changes: (() => [string, unknown][])[] = [
    () => entries.filter((_, position) => position !== at),
    () => entries.map((entry, position) => (position === at ? [name, randomValue(random)] : entry)),
    () => [...entries, [random.pick(NAMES), randomValue(random)]],
  ];
  return Object.fromEntries(random.pick(changes)());
}
