import { isDeepStrictEqual } from "node:util";
import t from "tap";
import {
  type DeltaServerMessage,
  deltaServerMessageSchema,
  MAX_COMMIT_TEXT_UNITS,
  MAX_FILTER_NAME_UNITS,
  MAX_META_TEXT_UNITS,
  readDeltaMessage,
} from "../../src/protocol/index.js";
import fc from "../support/fast-check.js";

// The reader stands for the schema where zod is too large: what one of them takes, the other takes, and both make the
// same of it. "Every field present and right" is what random JSON hardly ever is, so messages are made and then damaged.

const count = fc.oneof(fc.nat(), fc.constantFrom(0, Number.MAX_SAFE_INTEGER));
const seq = fc.oneof(fc.integer({ min: 1 }), fc.constantFrom(1, Number.MAX_SAFE_INTEGER));
const root = fc.string().map((rest) => `/${rest}`);
const two = (max: number, min = 0) => fc.integer({ min, max }).map((number) => String(number).padStart(2, "0"));
/** Days that no month has, and the 29th of February of every kind of year, among them. */
const time = fc
  .record({
    year: fc.oneof(
      fc.constantFrom("2000", "1900", "2100", "2024", "0000"),
      fc.integer({ min: 1000, max: 9999 }).map(String),
    ),
    month: fc.oneof(two(13), fc.constant("02")),
    day: fc.oneof(two(32), two(31, 28)),
    clock: fc.tuple(two(24), two(60), two(60)).map((parts) => parts.join(":")),
    rest: fc.constantFrom("", ".1", ".123", ".1234567890", ".", "+01:00"),
  })
  .map(({ year, month, day, clock, rest }) => `${year}-${month}-${day}T${clock}${rest}Z`);
const goodTime = fc.oneof(fc.constant("2024-02-29T23:59:59.999Z"), time);

const file = fc.record(
  {
    key: fc.string().map((path) => `t:${path}`),
    path: fc.string(),
    header: fc.string(),
    hunks: fc.string({ unit: "binary" }),
    additions: count,
    deletions: count,
    omitted_bytes: count,
    omitted_files: seq,
    filter_not_run: fc.string({ minLength: 1 }),
    withheld: fc.constantFrom("path", "shape", "time"),
    withheld_rule: fc.string({ minLength: 1 }),
    masked: seq,
    committed: fc.boolean(),
  },
  { requiredKeys: ["key", "path", "header", "hunks", "additions", "deletions", "omitted_bytes"] },
);
const edit = fc.record({
  key: fc.string(),
  header: fc.string(),
  additions: count,
  deletions: count,
  start: count,
  remove: count,
  insert: fc.string(),
});
const oid = fc.string({ maxLength: 64 });
const compare = fc.record(
  {
    kind: fc.constantFrom("head" as const, "base" as const, "ref" as const, "commit" as const),
    base_ref: fc.string(),
    base_oid: oid,
    ahead: count,
    behind: count,
    reason: fc.string(),
  },
  { requiredKeys: ["kind", "base_ref", "base_oid", "ahead", "behind"] },
);
const commit = fc.record(
  {
    oid,
    parents: fc.array(oid, { maxLength: 3 }),
    subject: fc.string(),
    body: fc.string(),
    author: fc.record({ name: fc.string(), email: fc.string(), at: goodTime }),
    files: count,
    additions: count,
    deletions: count,
  },
  { requiredKeys: ["oid", "parents", "subject", "body", "author"] },
);
const meta = fc.record(
  {
    head: fc.string({ maxLength: 64 }),
    branch: fc.string(),
    remote_origin: fc.string(),
    scanned_at: goodTime,
    health: fc.string(),
    too_large_bytes: count,
    compare,
    commits: fc.array(commit, { maxLength: 3 }),
    commits_truncated: fc.boolean(),
  },
  { requiredKeys: ["head", "branch", "remote_origin", "scanned_at", "health", "too_large_bytes"] },
);
const few = { maxLength: 3 };
const message: fc.Arbitrary<DeltaServerMessage> = fc.oneof(
  fc.record({ type: fc.constant("trees" as const), roots: fc.array(root, few) }),
  fc.record({
    type: fc.constant("tree" as const),
    root,
    epoch: fc.string(),
    seq,
    base: fc.option(seq),
    meta,
    upserts: fc.array(file, few),
    edits: fc.array(edit, few),
    removes: fc.array(fc.string(), few),
  }),
  fc.record(
    {
      type: fc.constant("checked" as const),
      scanned_at: goodTime,
      stale: fc.constant(true as const),
      next_ms: fc.integer({ min: 1 }),
      answers: fc.array(fc.string(), few),
    },
    { requiredKeys: ["type", "scanned_at"] },
  ),
  fc.record(
    { type: fc.constant("error" as const), message: fc.string(), answers: fc.array(fc.string(), few) },
    { requiredKeys: ["type", "message"] },
  ),
);

/** What may stand in a message where something else should: the edges of every rule. */
const EDGES: readonly unknown[] = [
  ...[0, -1, 1, 1.5, Number.MAX_SAFE_INTEGER, 2 ** 53, -(2 ** 53), 1e300, null, true, false, [], {}, [[]], ["x"], [{}]],
  ...["", "/", "t:", "t:x", "x".repeat(64), "x".repeat(65), "x".repeat(MAX_META_TEXT_UNITS)],
  ...["x".repeat(MAX_FILTER_NAME_UNITS), "x".repeat(MAX_FILTER_NAME_UNITS + 1)],
  ...["x".repeat(MAX_COMMIT_TEXT_UNITS), "x".repeat(MAX_COMMIT_TEXT_UNITS + 1)],
  ...["x".repeat(MAX_META_TEXT_UNITS + 1), "tree", "trees", "checked", "error"],
  ...["2024-02-29T00:00:00Z", "2024-02-30T00:00:00Z", "2024-01-01T00:00Z", " 2024-01-01T00:00:00Z"],
];
const wrong = fc.oneof(fc.constantFrom(...EDGES), fc.jsonValue({ maxDepth: 2 }));
type Damage = { at: number; how: "replace" | "delete" | "add"; value: unknown };
const damage: fc.Arbitrary<Damage> = fc.record({
  at: fc.nat(),
  how: fc.constantFrom("replace" as const, "delete" as const, "add" as const),
  value: wrong,
});

type Slot = { holder: Record<string, unknown>; name: string };

/** Every field of every object and element of every list below a value. */
function slotsOf(value: unknown): Slot[] {
  if (typeof value !== "object" || value === null) return [];
  const holder = value as Record<string, unknown>;
  return Object.keys(holder).flatMap((name) => [{ holder, name }, ...slotsOf(holder[name])]);
}

function damaged(message: unknown, damages: readonly Damage[]): unknown {
  const copy: unknown = structuredClone(message);
  for (const { at, how, value } of damages) {
    const slots = slotsOf(copy);
    const slot = slots[at % Math.max(1, slots.length)];
    if (slot === undefined) return copy;
    const { holder, name } = slot;
    if (how === "replace") holder[name] = value;
    else if (how === "add" && !Array.isArray(holder)) holder.unknown = value;
    else if (Array.isArray(holder)) holder.splice(Number(name), 1);
    else delete holder[name];
  }
  return copy;
}

const bySchema = (json: string) => deltaServerMessageSchema.safeParse(JSON.parse(json)).data;

t.test("the reader makes of every message what the schema makes of it, whole or damaged", async (t) => {
  const seen = { taken: 0, refused: 0 };
  fc.assert(
    fc.property(message, fc.array(damage, { maxLength: 2 }), (whole, damages) => {
      const json = JSON.stringify(damaged(whole, damages));
      const expected = bySchema(json);
      seen[expected === undefined ? "refused" : "taken"] += 1;
      return isDeepStrictEqual(readDeltaMessage(json), expected);
    }),
    { numRuns: 5000 },
  );
  t.ok(seen.taken > 500 && seen.refused > 500, `both outcomes are tried: ${JSON.stringify(seen)}`);
});

t.test(
  "with each edge in the place of each field, or without it, the reader takes what the schema takes",
  async (t) => {
    const file = { key: "t:x", path: "x", header: "", hunks: "", additions: 0, deletions: 0, omitted_bytes: 0 };
    const edit = { key: "t:x", header: "", additions: 0, deletions: 0, start: 0, remove: 0, insert: "" };
    const time = "2024-01-01T00:00:00Z";
    const compare = { kind: "base", base_ref: "", base_oid: "", ahead: 0, behind: 0, reason: "x" };
    const author = { name: "", email: "", at: time };
    const counts = { files: 0, additions: 0, deletions: 0 };
    const commits = [{ oid: "", parents: ["x"], subject: "", body: "", author, ...counts }];
    const compared = { compare, commits, commits_truncated: true };
    const plain = { head: "", branch: "", remote_origin: "", scanned_at: time, health: "", too_large_bytes: 0 };
    const meta = { ...plain, ...compared };
    const tree = { type: "tree", root: "/x", epoch: "e", seq: 1, base: null, meta };
    const messages: unknown[] = [
      { type: "trees", roots: ["/x"] },
      {
        ...tree,
        upserts: [
          file,
          { ...file, filter_not_run: "x", withheld: "path", withheld_rule: "x", masked: 1, committed: true },
        ],
        edits: [edit],
        removes: ["x"],
      },
      { type: "checked", scanned_at: time, stale: true },
      { type: "error", message: "" },
    ];
    const differing: string[] = [];
    for (const message of messages) {
      for (const at of slotsOf(message).keys()) {
        for (const value of [undefined, ...EDGES]) {
          const json = JSON.stringify(
            damaged(message, [{ at, how: value === undefined ? "delete" : "replace", value }]),
          );
          if (!isDeepStrictEqual(readDeltaMessage(json), bySchema(json))) differing.push(json.slice(0, 500));
        }
      }
    }
    t.same(differing, []);
  },
);

t.test("of a point in time, the reader takes what the schema takes", async (t) => {
  const seen = { taken: 0, refused: 0 };
  fc.assert(
    fc.property(time, (scanned_at) => {
      const json = JSON.stringify({ type: "checked", scanned_at });
      const expected = bySchema(json);
      seen[expected === undefined ? "refused" : "taken"] += 1;
      return isDeepStrictEqual(readDeltaMessage(json), expected);
    }),
    { numRuns: 5000 },
  );
  t.ok(seen.taken > 500 && seen.refused > 500, `both outcomes are tried: ${JSON.stringify(seen)}`);
});

t.test("any other JSON, and what is none, is refused without an exception", async (t) => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const json = JSON.stringify(value);
      return isDeepStrictEqual(readDeltaMessage(json), bySchema(json));
    }),
  );
  for (const text of ["", "{", "undefined", '{"type":"error"', "[1,2", "\u0000"]) {
    t.equal(readDeltaMessage(text), undefined, JSON.stringify(text));
  }
});
