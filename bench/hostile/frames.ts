import { randomMessage, randomValue } from "../../test/relay/support/random-messages.js";
import type { Random } from "../../test/support/random.js";
import type { Orders } from "./orders.js";

/** Files of at most 2 KB that are within a part's 64 KiB. */
const FILES_IN_PART = 30;

/** A tree of very many files grows by so many at a time, and then is edited so often. */
const FILES_OF_GROWTH = 500;
const EDITS_OF_LONG_TREE = 300;

const EPOCHS = ["epoch-one", "epoch-two", "epoch-three"];

/**
 * What an agent should not send, or not so often: one frame as a rule, or the parts of an update.
 *
 * @param kind which one: any whole number from 0
 */
export function hostileFrames(
  random: Random,
  kind: number,
  { chats, manner }: Pick<Orders, "chats" | "manner">,
): (string | Buffer)[] {
  const kinds = manner === "rude" ? [...POLITE_KINDS, ...RUDE_KINDS] : POLITE_KINDS;
  const make = kinds[kind % kinds.length] as Kind;
  const made = make(random, chats);
  return (Array.isArray(made) ? made : [made]).map((frame) =>
    typeof frame === "string" || Buffer.isBuffer(frame) ? frame : JSON.stringify(frame),
  );
}

type Chats = readonly string[];

type Kind = (random: Random, chats: Chats) => object | object[] | string | Buffer;

/** All of them are messages of the protocol, of trees that one workspace may have. */
const POLITE_KINDS: readonly Kind[] = [
  (random, chats) => honestMessage(random, chats),
  (random) => ({ ...tree(random, random.small(0, 1_500)), root: fewRoots(random), base: null, more: false }),
  (random) => {
    const whole = { ...tree(random, 1), root: fewRoots(random), base: null, more: false };
    return { ...whole, upserts: [file(random, random.small(100, 2_900_000))] };
  },
  (random) => inParts({ ...tree(random, random.small(0, 1_500)), root: fewRoots(random), base: null }),
  (random) => editsOfLongTree(random),
  (random, chats) => ({
    type: "chat",
    chat: random.pick(chats),
    roots: Array.from({ length: random.small(1, 9_000) }, (_, at) => `/work/${at}`),
  }),
  (random) => ({ type: "scanned", root: fewRoots(random), scanned_at: new Date().toISOString() }),
  (random) => ({ type: "gone", root: fewRoots(random) }),
];

const RUDE_KINDS: readonly Kind[] = [
  (random, chats) => randomMessage(random, () => honestMessage(random, chats)),
  // parts of updates that are never finished
  (random) => ({ ...tree(random, random.below(300)), more: true }),
  (random) => ({ ...tree(random, 0), removes: Array.from({ length: random.small(1, 90_000) }, () => ""), more: true }),
  (random) => ({
    ...tree(random, 0),
    upserts: Array.from({ length: random.small(1, 90_000) }, () => ({})),
    more: true,
  }),
  (random) => ({ ...tree(random, 0), meta: { ...meta(), branch: "b".repeat(60_000) }, more: true }),
  // trees without end, of any size, all of them watched
  (random) => tree(random, random.small(0, 3_000)),
  (random) => ({ ...tree(random, 1), upserts: [file(random, random.small(100, 9_000_000))] }),
  (random, chats) => ({
    type: "chat",
    chat: random.pick(chats),
    roots: Array.from({ length: random.small(1, 9_000) }, () => root(random)),
  }),
  (random, chats) => ({ type: "chat", chat: random.pick(chats), roots: Array.from({ length: 100_000 }, () => 1) }),
  // what is small, and costs something each time
  (random) => ({ type: "gone", root: root(random) }),
  (random) => ({ type: "scanned", root: root(random), scanned_at: new Date(random.next() * 4e12).toISOString() }),
  (random) => ({ type: "refreshed", id: random.below(1_000), scanned_at: new Date().toISOString() }),
  (random, chats) => ({
    type: "trouble",
    root: random.chance(0.5) ? root(random) : null,
    chat: random.chance(0.5) ? random.pick(chats) : null,
    code: `TW_${random.below(1_000_000)}`,
    message: "m".repeat(random.below(1_000)),
  }),
  // what unpacks to more than it is
  (random) => "a".repeat(random.small(1, 20_000_000)),
  (random) => "[".repeat(random.small(1, 1_000_000)),
  (random) => JSON.stringify(Array.from({ length: random.small(1, 50_000) }, () => randomValue(random))),
  (random) => Buffer.alloc(random.small(1, 1_000_000)),
];

function honestMessage(random: Random, chats: Chats): object {
  switch (random.below(5)) {
    case 0:
      return { type: "chat", chat: random.pick(chats), roots: [root(random), root(random)].sort() };
    case 1:
      return { type: "scanned", root: root(random), scanned_at: new Date().toISOString() };
    case 2:
      return { type: "gone", root: root(random) };
    default:
      return tree(random, random.below(5));
  }
}

function tree(random: Random, files: number): Record<string, unknown> {
  const seq = 1 + random.below(5);
  return {
    type: "tree",
    root: root(random),
    epoch: random.pick(EPOCHS),
    seq,
    base: random.chance(0.7) ? null : seq,
    meta: meta(),
    upserts: Array.from({ length: files }, () => file(random, random.small(0, 2_000))),
    removes: random.chance(0.3) ? [key(random)] : [],
    more: random.chance(0.1),
  };
}

/** The same update as agents of today send it: few files at a time, each part with its number. */
function inParts(update: Record<string, unknown>): object[] {
  const upserts = update.upserts as object[];
  const parts: object[] = [];
  for (let at = 0; at === 0 || at < upserts.length; at += FILES_IN_PART) {
    const more = at + FILES_IN_PART < upserts.length;
    parts.push({ ...update, part: parts.length, upserts: upserts.slice(at, at + FILES_IN_PART), more });
  }
  return parts;
}

/** A tree of very many files comes to be little by little, and is edited: each edit has the lists of all files made anew. */
function editsOfLongTree(random: Random): object[] {
  const whole = {
    ...tree(random, 0),
    root: fewRoots(random),
    epoch: `epoch-${random.below(1_000_000_000)}`,
    removes: [],
  };
  const growth = random.small(1, 100);
  return Array.from({ length: growth + EDITS_OF_LONG_TREE }, (_, at) => ({
    ...whole,
    ...{ seq: at + 1, base: at === 0 ? null : at, more: false },
    upserts: Array.from({ length: at < growth ? FILES_OF_GROWTH : 1 }, (_, file) => ({
      ...{ key: `t:${at < growth ? at * FILES_OF_GROWTH + file : 0}`, path: "", header: "", hunks: `${at}\n` },
      ...{ additions: 0, deletions: 0, omitted_bytes: 0 },
    })),
  }));
}

function meta(): Record<string, unknown> {
  const texts = { head: "", branch: "main", remote_origin: "https://bob:secret@example.com/", health: "" };
  return { ...texts, scanned_at: new Date().toISOString(), too_large_bytes: 0 };
}

function file(random: Random, size: number): Record<string, unknown> {
  const hunks = `@@ -0,0 +1 @@\n+${"x".repeat(size)}\n`;
  const counts = { additions: 1, deletions: 0, omitted_bytes: 0 };
  return { key: key(random), path: "x", header: "diff --git a/x b/x\n", hunks, ...counts };
}

function key(random: Random): string {
  return `t:${random.below(1_000_000)}`;
}

function fewRoots(random: Random): string {
  return `/work/${random.below(8)}`;
}

function root(random: Random): string {
  return `/work/${random.small(0, 30_000)}`;
}
