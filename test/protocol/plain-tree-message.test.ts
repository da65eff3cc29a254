import { isDeepStrictEqual } from "node:util";
import t from "tap";
import { z } from "zod";
import { boundedArray } from "../../src/protocol/bounded-array.js";
import { agentMessageSchema, readAgentMessage } from "../../src/protocol/index.js";
import { isPlainTreeMessage } from "../../src/protocol/plain-tree-message.js";
import { isPlainFile, isRoot, rootSchema, treeFileSchema } from "../../src/protocol/tree-schema.js";
import fc from "../support/fast-check.js";
import { META } from "./tree-meta.js";

const FILE = { key: "t:a", path: "a", header: "h", hunks: "@@", additions: 1, deletions: 0, omitted_bytes: 0 };
const MESSAGE = {
  type: "tree",
  root: "/a",
  epoch: "epoch-01",
  seq: 1,
  base: null,
  meta: META,
  upserts: [FILE],
  removes: ["t:b"],
  more: false,
};

/** What stands in a message, by its path from the top. */
const PLACES: readonly (readonly (string | number)[])[] = [
  ...[...Object.keys(MESSAGE), "part", "compare", "rest", "later", "__proto__"].map((name) => [name]),
  ...[...Object.keys(META), "compare", "commits", "later"].map((name) => ["meta", name]),
  ...[
    ...Object.keys(FILE),
    "omitted_files",
    "filter_not_run",
    "withheld",
    "withheld_rule",
    "masked",
    "committed",
    "later",
  ].map((name) => ["upserts", 0, name]),
  ["upserts", 0],
  ["upserts", 1],
  ["removes", 0],
];

const values = fc.oneof(
  fc.constantFrom<unknown>(
    ...[
      null,
      true,
      false,
      0,
      -0,
      1,
      2,
      -1,
      1.5,
      2 ** 53 - 1,
      2 ** 53,
      1e300,
      "",
      "/",
      "/a",
      "t:",
      "t:a",
      "x",
      "x".repeat(8),
    ],
    ...[..."65 4096 4097 1024 1025 65536 65537".split(" ").map((length) => "/".repeat(Number(length)))],
    ...["tree", "chat", "path", "shape", "time", "keep", "base", "ref:main", [], ["t:a"], [1], {}, FILE, META],
    ...[
      "2026-02-29T00:00:00Z",
      "2024-02-29T23:59:59.1Z",
      "2026-03-05T10:11Z",
      "2026-03-05T10:11:12+01:00",
      "2026-03-05",
    ],
    ...["2026-03-05T24:00:00Z", "2026-13-05T10:11:12Z", "2026-03-05T10:11:12.345z", " 2026-03-05T10:11:12Z"],
    { header: "", hunks: "more" },
    { kind: "base", base_ref: "main", base_oid: "", ahead: 0, behind: 0 },
  ),
  fc.jsonValue(),
);

/** A message that was changed at some of its places: what is `undefined` is not there. */
const messages = fc
  .array(fc.tuple(fc.constantFrom(...PLACES), fc.option(values, { nil: undefined })), { maxLength: 3 })
  .map((changes) => {
    const message: unknown = structuredClone(MESSAGE);
    for (const [path, value] of changes) change(message, path, value);
    return JSON.stringify(message);
  });

function change(target: unknown, [name, ...rest]: readonly (string | number)[], value: unknown): void {
  if (typeof target !== "object" || target === null || name === undefined) return;
  if (rest.length > 0) change(Reflect.get(target, name), rest, value);
  else Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true });
}

t.test("a message is read as its schema reads it, whichever way it takes", (t) => {
  let plain = 0;
  const property = fc.property(messages, (text) => {
    const value: unknown = JSON.parse(text);
    const { data } = agentMessageSchema.safeParse(value);
    if (isPlainTreeMessage(value)) {
      plain += 1;
      if (!isDeepStrictEqual(value, data)) return false;
    }
    return isDeepStrictEqual(readAgentMessage(text), data);
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 2_000 }));
  t.ok(plain > 100, `${plain} of them took the short way`);
  t.end();
});

t.test("an element of a list that takes the short way is what its schema makes of it", (t) => {
  let [files, roots] = [0, 0];
  const property = fc.property(messages, values, (text, value) => {
    const { upserts = [] }: { upserts?: unknown } = JSON.parse(text) ?? {};
    for (const file of [value, ...(Array.isArray(upserts) ? upserts : [])]) {
      if (!isPlainFile(file)) continue;
      files += 1;
      if (!isDeepStrictEqual(treeFileSchema.safeParse(file).data, file)) return false;
    }
    if (isRoot(value)) roots += 1;
    return isRoot(value) === rootSchema.safeParse(value).success;
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 2_000 }));
  t.ok(files > 100 && roots > 20, `${files} files and ${roots} roots took the short way`);
  t.end();
});

t.test("the schema is asked about those elements of a list alone that do not take it", (t) => {
  let asked = 0;
  const schema = z.string().refine(() => {
    asked += 1;
    return true;
  });
  const list = boundedArray(schema, 10, (value) => value !== "other");
  t.same(list.safeParse(["a", "other", "b"]).data, ["a", "other", "b"]);
  t.equal(asked, 1);
  t.equal(list.safeParse(new Array(11).fill("a")).success, false);
  const roots = Array.from({ length: 1_000 }, (_, at) => `/work/${at}`);
  const chat = { type: "chat", chat: "11111111-1111-4111-8111-111111111111" };
  const { safeParse } = rootSchema;
  t.teardown(() => {
    rootSchema.safeParse = safeParse;
  });
  rootSchema.safeParse = (value, params) => {
    asked += 1;
    return safeParse(value, params);
  };
  t.same(readAgentMessage(JSON.stringify({ ...chat, roots })), { ...chat, roots });
  t.equal(asked, 1, "a chat's list of trees");
  t.equal(readAgentMessage(JSON.stringify({ ...chat, roots: [...roots, "x"] })), undefined);
  t.equal(asked, 2);
  t.end();
});

t.test("what agents send takes the short way", (t) => {
  const all = {
    ...FILE,
    omitted_files: 1,
    filter_not_run: "lfs",
    withheld: "path",
    withheld_rule: ".env",
    masked: 1,
    committed: true,
  };
  for (const message of [
    MESSAGE,
    { ...MESSAGE, base: 1, part: 0 },
    { ...MESSAGE, upserts: [FILE, all], removes: [] },
  ]) {
    t.ok(isPlainTreeMessage(message));
    t.strictSame(agentMessageSchema.safeParse(message).data, message);
  }
  t.end();
});
