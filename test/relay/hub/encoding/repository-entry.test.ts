import t, { type Test } from "tap";
import {
  fitToLimit,
  readAgentFrame,
  type TreeFile,
  type TreeMeta,
  unifiedDiff,
} from "../../../../src/protocol/index.js";
import { pieces } from "../../../../src/relay/hub/encoding/piece-cache.js";
import { PIECE_UNITS, RepositoryEntry, WHOLE_UNITS } from "../../../../src/relay/hub/encoding/repository-entry.js";
import { applyUpdate } from "../../../../src/relay/hub/trees/tree-state.js";
import fc from "../../../support/fast-check.js";
import { fileOf, metaOf } from "../../support/fake-agent.js";
import { nextState, stateOf, updateOf } from "../../support/states.js";

const APP = "/home/me/app";

function entryOf(files: TreeFile[], meta: Partial<TreeMeta> = {}): RepositoryEntry {
  return new RepositoryEntry(APP, metaOf(meta), fitToLimit(files));
}

function json(entry: RepositoryEntry): string {
  return Array.from({ length: entry.pieceCount }, (_, at) => entry.piece(at).toString()).join("");
}

/** One file whose diff has exactly so many UTF-16 units. */
function fileOfUnits(units: number, text: string): TreeFile {
  const { header } = fileOf("x", "");
  return fileOf("x", "", { hunks: text.repeat(units).slice(0, units - header.length) });
}

t.test("an entry says of which files an agent hides something, and has the line that stands for their hunks", (t) => {
  const withheld = fileOf("a", "", { hunks: "", withheld: "path", withheld_rule: ".env" });
  const masked = fileOf("b", "1", { masked: 2 });
  const { path } = withheld;
  t.same(JSON.parse(json(entryOf([withheld, masked]))), {
    repo_root: APP,
    branch: "main",
    withheld_files: [{ path, why: "path", rule: ".env" }],
    masked_files: [{ path: masked.path, masked: 2 }],
    unified_diff: `${withheld.header}Withheld: looks like a secret\n${masked.header}${masked.hunks}`,
  });
  t.end();
});

t.test("an entry carries what clients are shown, and leaves out what there is none of", (t) => {
  const file = fileOf("a", "1");
  t.same(JSON.parse(json(entryOf([file]))), {
    repo_root: APP,
    branch: "main",
    unified_diff: file.header + file.hunks,
  });
  t.same(JSON.parse(json(entryOf([], { branch: "", remote_origin: "git@host:app", health: "by polling" }))), {
    repo_root: APP,
    branch: "",
    remote_origin: "git@host:app",
    health: "by polling",
    unified_diff: "",
  });
  t.end();
});

t.test("files that were left out for size are named", (t) => {
  const file = fileOf("a", "", { hunks: "", omitted_bytes: 2 * 1024 * 1024 });
  const change = JSON.parse(json(entryOf([file, fileOf("b", "1")])));
  t.match(change, { truncated: true, omitted_files: [{ path: "a", bytes: 2 * 1024 * 1024 }] });
  t.equal(change.unified_diff, unifiedDiff([file, fileOf("b", "1")]));
  t.end();
});

t.test("files whose filter was not run are named", (t) => {
  const files = [fileOf("a", "1"), fileOf("b", "", { hunks: "", filter_not_run: "up" })];
  const change = JSON.parse(json(entryOf(files)));
  t.same(change.filters_not_run, [{ path: "b", filter: "up" }]);
  t.equal(change.unified_diff, unifiedDiff(files));
  t.match(change.unified_diff, /\nFilter not run: up\n$/);
  t.end();
});

t.test("a large entry comes in pieces that are one JSON text, wherever they cut", (t) => {
  for (const text of ["x", "漢\u0001", "🦀", '"\\']) {
    const entry = entryOf([fileOfUnits(WHOLE_UNITS + 3 * PIECE_UNITS + 7, text)]);
    t.equal(entry.pieceCount, Math.ceil(entry.units / PIECE_UNITS));
    const units = Array.from({ length: entry.pieceCount }, (_, at) => entry.unitsOf(at));
    t.equal(
      units.reduce((sum, each) => sum + each, 0),
      entry.units,
    );
    const whole = fileOfUnits(WHOLE_UNITS + 3 * PIECE_UNITS + 7, text);
    t.equal(JSON.parse(json(entry)).unified_diff, whole.header + whole.hunks, JSON.stringify(text));
  }
  t.equal(entryOf([fileOfUnits(WHOLE_UNITS, "x")]).pieceCount, 1, "up to the limit it is one piece");
  t.end();
});

t.test("pieces are built once for all, until the state is replaced", (t) => {
  const entry = entryOf([fileOf("a", "1")]);
  t.equal(entry.piece(0), entry.piece(0));
  entry.release();
  t.not(entry.piece(0), entry.piece(0), "from then on each is built for the one that still wants it");
  t.end();
});

t.test("an entry between other text shares its memory with the first such frame", (t) => {
  const entry = entryOf([fileOf("a", "1")]);
  const frame = entry.framed("[", "]");
  t.equal(frame.payload.toString(), `[${entry.piece(0)}]`);
  t.equal(entry.piece(0).buffer, frame.payload.buffer);
  t.equal(entry.framed("<", ">").payload.toString(), `<${entry.piece(0)}>`);
  t.end();
});

t.test("entries that look the same are equal, and have the same digest", (t) => {
  const [one, same] = [entryOf([fileOf("a", "1")]), entryOf([fileOf("a", "1")])];
  t.ok(one.equals(same));
  t.equal(one.digest(), same.digest());
  for (const other of [entryOf([fileOf("a", "2")]), entryOf([]), entryOf([fileOf("a", "1")], { branch: "b" })]) {
    t.notOk(one.equals(other));
    t.not(one.digest(), other.digest());
  }
  t.end();
});

t.test("texts that have just come as JSON are passed on as they are, while their message is handled", (t) => {
  const { stringify } = JSON;
  t.teardown(() => {
    JSON.stringify = stringify;
  });
  for (const rest of ["", "漢"]) {
    const before = [fileOf("a", `1${rest}`), fileOf("c", "2", { masked: 1 })];
    const came = [fileOf("b", `came${rest}`), fileOf("d", "", { hunks: "", withheld: "path" })];
    const arrived = readAgentFrame(Buffer.from(stringify(updateOf(came))));
    if (arrived?.message.type !== "tree" || arrived.texts === undefined) return t.fail("no update");
    const { texts, message } = arrived;
    const files = [before[0], message.upserts[0], before[1], message.upserts[1]].flatMap((file) => file ?? []);
    const made: unknown[] = [];
    JSON.stringify = (value: unknown) => {
      made.push(value);
      return stringify(value);
    };
    const hasCome = (value: unknown) => String(value).includes(`+came${rest}`);
    const entry = entryOf(files);
    let frame = "";
    entry.withSources({ texts }, () => {
      frame = String(entry.framed("[", "]").payload);
    });
    t.notOk(made.some(hasCome), "the diff that came is not made JSON again");
    entry.release();
    t.equal(`[${json(entry)}]`, frame);
    t.ok(made.some(hasCome), "later on it is: nothing of the message is kept");
    JSON.stringify = stringify;
  }
  return t.end();
});

t.test("a sentence stands for a diff although its files have just come", (t) => {
  const arrived = readAgentFrame(Buffer.from(JSON.stringify(updateOf([fileOf("a", "1")]))));
  if (arrived?.message.type !== "tree" || arrived.texts === undefined) return t.fail("no update");
  const { upserts } = arrived.message;
  const entry = entryOf(upserts, { too_large_bytes: 12 });
  entry.withSources({ texts: arrived.texts }, () => {
    t.match(JSON.parse(json(entry)).unified_diff, /^Total diff too large to show/);
  });
  return t.end();
});

// what JSON makes longer, what is not ASCII, and the halves of a pair at both ends
const text = fc.string({
  unit: fc.constantFrom("a", '"', "\n", "\u0001", "é", "漢", "🦀", "\ud83e", "\udd80"),
  maxLength: 20,
});
const update = fc.record({
  upserts: fc.dictionary(fc.constantFrom("a", "b", "c", "d", "e"), text, { noNullPrototype: true }),
  removes: fc.subarray(["a", "b", "c", "d", "e"]),
  isWhole: fc.boolean(),
  isShown: fc.boolean(),
  isForgotten: fc.boolean(),
  branch: fc.constantFrom("main", "漢"),
});

t.test("after any updates, an entry is the same bytes as one that is made of the same files by itself", (t) => {
  // long enough for JSON of the entry before to be used
  const long = Object.fromEntries(["b", "c", "d"].map((name) => [name, `${name}\n`.repeat(3_000)]));
  const property = fc.property(fc.array(update, { maxLength: 12 }), (updates) => {
    let state = stateOf(Object.entries(long).map(([name, content]) => fileOf(name, content)));
    state.view.entry.piece(0);
    for (const [at, { upserts, removes, isWhole, isShown, isForgotten, branch }] of updates.entries()) {
      const changed = Object.entries(upserts).map(([name, content]) => fileOf(name, (long[name] ?? "") + content));
      const message = updateOf(changed, {
        ...{ seq: at + 2, base: isWhole ? null : state.seq, meta: metaOf({ branch }) },
        removes: removes.map((name) => fileOf(name, "").key),
      });
      const arrived = readAgentFrame(Buffer.from(JSON.stringify(message)));
      if (arrived?.message.type !== "tree") return false;
      const before = state;
      state = applyUpdate(before, arrived.message) ?? before;
      if (isForgotten) pieces.clear();
      const { entry } = state.view;
      if (isShown) {
        let frame = "";
        const sources = { texts: arrived.texts, before: before.view.entry };
        entry.withSources(sources, () => {
          frame = String(entry.framed("[", "]").payload);
        });
        if (frame !== `[${json(entryOf([...state.files], { branch }))}]`) return false;
      }
      if (before.view !== state.view) before.view.release(state.view, state.changes?.files);
    }
    return true;
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 200 }));
  t.end();
});

/** What is made JSON while an entry's frame is. */
function madeBy(t: Test, job: () => void): string[] {
  const made: string[] = [];
  const { stringify } = JSON;
  t.teardown(() => {
    JSON.stringify = stringify;
  });
  JSON.stringify = (value: unknown) => {
    made.push(String(value));
    return stringify(value);
  };
  job();
  JSON.stringify = stringify;
  return made.flatMap((each) => /\+(?:1|2|3|changed|again)$/m.exec(each)?.[0] ?? []);
}

t.test("what did not change is not made JSON again while the entry before is there", (t) => {
  const before = stateOf([fileOf("a", "1\n".repeat(3_000)), fileOf("b", "2"), fileOf("c", "3\n".repeat(3_000))]);
  before.view.entry.framed("[", "]");
  const after = nextState(before, { upserts: [fileOf("b", "changed")] });
  const frame = () => after.view.entry.framed("[", "]");
  t.same(
    madeBy(t, () => after.view.entry.withSources({ before: before.view.entry }, frame)),
    ["+changed"],
  );
  t.end();
});

t.test("what did not change is not made JSON again when states in between were shown to nobody", (t) => {
  const long = "3\n".repeat(3_000);
  const first = stateOf([fileOf("a", "1\n".repeat(3_000)), fileOf("b", "2"), fileOf("c", long), fileOf("d", "2")]);
  first.view.entry.framed("[", "]");
  const kept = pieces.size;
  const second = nextState(first, { upserts: [fileOf("b", "changed")] });
  first.view.release(second.view, second.changes?.files);
  const third = nextState(second, { upserts: [fileOf("d", "again")] });
  second.view.release(third.view, third.changes?.files);
  t.same(
    madeBy(t, () => third.view.entry.framed("[", "]")),
    ["+changed", "+again"],
  );
  t.equal(pieces.size, kept, "a piece of one entry is kept");
  const fourth = nextState(third, { upserts: [fileOf("a", "x".repeat(300_000))] });
  third.view.release(fourth.view, fourth.changes?.files);
  t.equal(pieces.size, kept);
  const fifth = nextState(fourth, { upserts: [fileOf("a", "changed")] });
  fourth.view.release(fifth.view, fifth.changes?.files);
  t.equal(pieces.size, kept - 1, "a long text that nobody is shown any more is not kept for it");
  t.equal(json(fifth.view.entry), json(entryOf([...fifth.files])));
  t.end();
});

t.test("a list of files that is mostly gone is not kept for those that are left", (t) => {
  const names = Array.from({ length: 2_000 }, (_, at) => `file${String(at).padStart(4, "0")}`);
  const empty = { header: "", hunks: "" }; // they cost all the same
  const before = stateOf(names.map((name) => fileOf(name, "", empty)));
  before.view.entry.framed("[", "]");
  const kept = pieces.size;
  const removes = names.slice(100).map((name) => fileOf(name, "").key);
  const after = nextState(before, { removes });
  before.view.release(after.view, after.changes?.files);
  t.equal(pieces.size, kept - 1);
  t.end();
});
