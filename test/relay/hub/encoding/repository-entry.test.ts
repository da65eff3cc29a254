import t from "tap";
import {
  fitToLimit,
  readAgentFrame,
  type TreeFile,
  type TreeMeta,
  unifiedDiff,
} from "../../../../src/protocol/index.js";
import { PIECE_UNITS, RepositoryEntry, WHOLE_UNITS } from "../../../../src/relay/hub/encoding/repository-entry.js";
import { fileOf, metaOf } from "../../support/fake-agent.js";
import { updateOf } from "../../support/states.js";

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
    entry.withArrived(files, texts, () => {
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
  entry.withArrived(upserts, arrived.texts, () => {
    t.match(JSON.parse(json(entry)).unified_diff, /^Total diff too large to show/);
  });
  return t.end();
});
