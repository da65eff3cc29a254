import t from "tap";
import {
  agentMessageSchema,
  exceedsShape,
  MAX_PART_ELEMENTS,
  MAX_TREES,
  readAgentMessage,
} from "../../src/protocol/index.js";
import fc from "../support/fast-check.js";
import { META } from "./tree-meta.js";

const CHAT = "22222222-2222-4222-8222-222222222222";

/** A list that counts how many of its elements are looked at. */
function counted(elements: readonly unknown[]): { list: readonly unknown[]; looks: () => number } {
  let looks = 0;
  const list = new Proxy([...elements], {
    get(target, name, receiver) {
      if (typeof name === "string" && /^\d+$/.test(name)) looks += 1;
      return Reflect.get(target, name, receiver);
    },
  });
  return { list, looks: () => looks };
}

function chatOf(roots: readonly unknown[]) {
  return { type: "chat", chat: CHAT, roots };
}

function treeOf(lists: { upserts?: readonly unknown[]; removes?: readonly unknown[] }) {
  const head = { type: "tree", root: "/a", epoch: "epoch-01", seq: 1, base: null, meta: META, more: false };
  return { ...head, upserts: [], removes: [], ...lists };
}

t.test("a list that is too long is refused before any of its elements is looked at", async (t) => {
  const messages = [
    (list: readonly unknown[]) => chatOf(list),
    (list: readonly unknown[]) => treeOf({ upserts: list }),
    (list: readonly unknown[]) => treeOf({ removes: list }),
  ];
  for (const [at, message] of messages.entries()) {
    for (const element of ["", "/a", {}, 0]) {
      const { list, looks } = counted(new Array(MAX_PART_ELEMENTS + 1).fill(element));
      t.notOk(agentMessageSchema.safeParse(message(list)).success);
      t.equal(looks(), 0, `message ${at}, ${JSON.stringify(element)}`);
    }
  }
  t.ok(agentMessageSchema.safeParse(chatOf(new Array(MAX_TREES).fill("/a"))).success);
  t.notOk(agentMessageSchema.safeParse(chatOf(new Array(MAX_TREES + 1).fill("/a"))).success);
});

t.test("the first wrong element ends the look, and is all that is complained of", async (t) => {
  for (const wrong of ["", 1, {}, null]) {
    for (const message of [chatOf, (upserts: readonly unknown[]) => treeOf({ upserts })]) {
      const { list, looks } = counted(new Array(5_000).fill(wrong));
      const { error } = agentMessageSchema.safeParse(message(list));
      t.equal(error?.issues.length, 1);
      t.equal(looks(), 1);
    }
  }
});

t.test("what is no field of a file is not kept", async (t) => {
  const file = { key: "t:a", path: "a", header: "h", hunks: "", additions: 0, deletions: 0, omitted_bytes: 0 };
  const message = readAgentMessage(JSON.stringify(treeOf({ upserts: [{ ...file, ballast: "x" }] })));
  t.same(message?.type === "tree" && message.upserts, [file]);
});

t.test("a frame of more values, or nested deeper, than any message is not parsed", async (t) => {
  const parse = JSON.parse;
  let parsed = 0;
  t.teardown(() => {
    JSON.parse = parse;
  });
  JSON.parse = (text: string) => {
    parsed += 1;
    return parse(text);
  };
  const million = 1_000_000;
  const frames = [
    `{"type":"chat","chat":"${CHAT}","roots":[${'"",'.repeat(million)}""]}`,
    `{"type":"tree","x":{${'"a":0,'.repeat(million)}"b":0}}`,
    "[".repeat(million),
    '{"a":'.repeat(million),
    `"\\\\"${",".repeat(million)}`,
  ];
  for (const frame of frames) t.equal(readAgentMessage(frame), undefined);
  t.equal(parsed, 0);
  const honest = treeOf({ removes: new Array(MAX_PART_ELEMENTS).fill("t:a") });
  t.ok(readAgentMessage(JSON.stringify(honest)), "the longest list of an honest agent is");
  const text = { key: "t:a", path: "a", header: ',[{"\\\n'.repeat(million), hunks: "]},".repeat(million) };
  const upserts = [{ ...text, additions: 0, deletions: 0, omitted_bytes: 0 }];
  t.match(
    readAgentMessage(JSON.stringify(treeOf({ upserts }))),
    { upserts },
    "and what stands in texts does not count",
  );
  t.equal(parsed, 2);
});

t.test("separators and brackets are counted outside of strings alone, as a parser sees them", async (t) => {
  const shape = (value: unknown): { values: number; depth: number } => {
    if (typeof value !== "object" || value === null) return { values: 0, depth: 0 };
    const inner = Object.values(value).map(shape);
    const values = inner.reduce((sum, each) => sum + each.values, 1 + Math.max(0, inner.length - 1));
    return { values, depth: 1 + Math.max(0, ...inner.map(({ depth }) => depth)) };
  };
  const property = fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
    const text = JSON.stringify(value);
    const { values, depth } = shape(JSON.parse(text));
    return (
      !exceedsShape(text, values, depth) &&
      (values === 0 || exceedsShape(text, values - 1, depth)) &&
      (depth === 0 || exceedsShape(text, values, depth - 1))
    );
  });
  t.doesNotThrow(() => fc.assert(property));
});
