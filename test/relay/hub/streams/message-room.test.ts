import parseDiff from "parse-diff";
import t from "tap";
import { omissionsOf, type RepositoryChange, type TreeFile, unifiedDiff } from "../../../../src/protocol/index.js";
import { WHOLE_UNITS } from "../../../../src/relay/hub/encoding/repository-entry.js";
import { GitStream } from "../../../../src/relay/hub/streams/git-stream.js";
import { shareOut } from "../../../../src/relay/hub/streams/message-room.js";
import type { TreeState } from "../../../../src/relay/hub/trees/tree-state.js";
import fc from "../../../support/fast-check.js";
import { fileOf, metaOf } from "../../support/fake-agent.js";
import { nextState, SCANNED_AT, stateOf } from "../../support/states.js";
import { FakeChat } from "../../support/watched-chat.js";

const REQUEST = { evenIfUnchanged: true, isStale: false, answers: [], scannedAt: () => Date.parse(SCANNED_AT) };

/** The whole message, in however many frames; `between` is called after the first. */
function messageOf(stream: GitStream, chat: FakeChat, between = () => {}) {
  let text = "";
  let isCut = false;
  do {
    const next = stream.next(chat, REQUEST);
    text += next?.frame.data.payload.toString() ?? "";
    isCut = next?.frame.isCut === true;
    if (stream.isMidMessage) between();
  } while (stream.isMidMessage);
  const repositories: RepositoryChange[] = JSON.parse(text).repositories ?? [];
  return { text, bytes: Buffer.byteLength(text), repositories, isCut };
}

const jsonBytes = (text: string) => Buffer.byteLength(JSON.stringify(text));
const shown = (...states: TreeState[]) => {
  const chat = new FakeChat();
  chat.show(...states);
  return chat;
};
const LINE = /^File diff too large to show\. Diff size: [\d.]+ [KM]?i?B\n/;

/** What of a tree's files a diff has, by one walk over it. @throws when anything else stands there */
function keptOf(files: readonly TreeFile[], diff: string): { kept: TreeFile[]; short: TreeFile[] } {
  const found = { kept: [] as TreeFile[], short: [] as TreeFile[] };
  let rest = diff;
  for (const file of files) {
    if (!rest.startsWith(file.header)) throw new Error(`no header of ${file.path} at ${rest.slice(0, 80)}`);
    rest = rest.slice(file.header.length);
    const line = LINE.exec(rest)?.[0];
    found[line === undefined ? "kept" : "short"].push(file);
    if (line === undefined && !rest.startsWith(file.hunks)) throw new Error(`${file.path} is not as it was`);
    rest = rest.slice((line ?? file.hunks).length);
  }
  if (rest !== "") throw new Error(`what is this? ${rest.slice(0, 80)}`);
  return found;
}

// what JSON makes longer, by two to six times, and what it leaves
const line = fc.string({
  unit: fc.constantFrom("a", '"', "\\", "\t", "\u0001", "é", "漢", "🦀", "\ud800"),
  maxLength: 40,
});
const drawnFile = fc.record({
  lines: fc.array(line, { minLength: 1, maxLength: 30 }),
  isTracked: fc.boolean(),
});
const drawnTree = fc.record({
  files: fc.array(drawnFile, { maxLength: 8 }),
  branch: fc.constantFrom("", "main", '"é"'),
});

t.test("whatever the trees: a message stays within the bound, and the largest hunks of all go first", (t) => {
  const cut = new Map<string, number>();
  fc.assert(
    fc.property(
      fc.array(drawnTree, { minLength: 1, maxLength: 5 }),
      fc.double({ min: 0, max: 1.1, noNaN: true }),
      (trees, share) => {
        const states = trees.map(({ files, branch }, tree) => {
          const made = files.map(({ lines, isTracked }, at) => {
            const hunks = `@@ -0,0 +1,${lines.length} @@\n${lines.map((each) => `+${each}\n`).join("")}`;
            return fileOf(`f${at}`, "", { key: `${isTracked ? "t" : "u"}:f${at}`, hunks, additions: lines.length });
          });
          const sorted = made.sort((a, b) => (a.key < b.key ? -1 : 1));
          return stateOf(sorted, { root: `/${tree}`, meta: metaOf({ branch, scanned_at: SCANNED_AT }) });
        });
        const whole = messageOf(new GitStream(), shown(...states));
        const least = shown(...states.map(({ root, meta, files }) => stateOf(files.map(bare), { root, meta })));
        const floor = messageOf(new GitStream(), least).bytes + 100 * states.length;
        const bound = Math.floor(floor + Math.max(0, whole.bytes - floor) * share);

        const sent = messageOf(new GitStream(bound), shown(...states));
        if (sent.bytes > bound) throw new Error(`${sent.bytes} bytes where ${bound} are allowed`);
        if (sent.text !== messageOf(new GitStream(bound), shown(...states)).text)
          throw new Error("another text for the same trees");
        if (whole.bytes <= bound && sent.text !== whole.text) throw new Error("something is left out that had room");
        const all = { kept: [] as TreeFile[], short: [] as TreeFile[] };
        for (const [at, state] of states.entries()) {
          const { unified_diff: diff = "", truncated, omitted_files: named } = sent.repositories[at] ?? {};
          const { kept, short } = keptOf(state.files, diff);
          const said = omissionsOf(
            short.map((file) => ({ ...file, hunks: "", omitted_bytes: Buffer.byteLength(file.hunks) })),
            0,
          );
          if (
            JSON.stringify(said) !==
            JSON.stringify({ ...(truncated && { truncated }), ...(named && { omitted_files: named }) })
          ) {
            throw new Error(`${JSON.stringify(named)} is said where ${JSON.stringify(said)} is true`);
          }
          if (parseDiff(diff).length !== state.files.length) throw new Error("a parser finds other files");
          all.kept.push(...kept);
          all.short.push(...short);
        }
        // a short hunk is kept where the line that would stand for it is longer
        const largestKept = Math.max(
          0,
          ...all.kept.map(({ hunks }) => jsonBytes(hunks)).filter((bytes) => bytes > 150),
        );
        const smallestShort = Math.min(...all.short.map(({ hunks }) => jsonBytes(hunks)));
        if (largestKept > smallestShort) throw new Error(`${largestKept} bytes are kept, ${smallestShort} are not`);
        const what = sent.isCut ? "cut" : "whole";
        if (all.short.length > 0 !== sent.isCut) throw new Error("it is told wrongly whether anything is left out");
        cut.set(what, (cut.get(what) ?? 0) + 1);
      },
    ),
    { numRuns: 200 },
  );
  t.ok((cut.get("cut") ?? 0) > 30 && (cut.get("whole") ?? 0) > 10, JSON.stringify([...cut]));
  t.end();
});

/** A file without as many of its hunks as may go. */
function bare(file: TreeFile): TreeFile {
  return jsonBytes(file.hunks) > 200 ? { ...file, hunks: "", omitted_bytes: Buffer.byteLength(file.hunks) } : file;
}

t.test("where headers are too many, untracked directories go, then the diff of the tree that has the most", (t) => {
  const edit = fileOf("src/edited.ts", "x".repeat(500));
  const below = Array.from({ length: 500 }, (_, at) => fileOf(`vendor/${String(at).padStart(3, "0")}`, "new"));
  const untracked = below.map((file) => ({ ...file, key: `u:${file.path}` }));
  const heavy = stateOf([edit, ...untracked], { root: "/heavy" });
  const tracked = stateOf(below, { root: "/tracked" });
  const light = stateOf([edit], { root: "/light" });

  const fewer = messageOf(new GitStream(20_000), shown(heavy, light));
  t.ok(fewer.bytes <= 20_000, `${fewer.bytes} bytes`);
  t.match(fewer.repositories, [
    {
      repo_root: "/heavy",
      truncated: true,
      omitted_directories: [{ path: "vendor/", files: 500, bytes: Buffer.byteLength(unifiedDiff(untracked)) }],
    },
    { repo_root: "/light", unified_diff: unifiedDiff([edit]) },
  ]);
  t.match(fewer.repositories[0]?.unified_diff, edit.hunks);

  const sentence = messageOf(new GitStream(20_000), shown(tracked, light));
  t.match(sentence.repositories, [
    { repo_root: "/tracked", truncated: true, unified_diff: /^Total diff too large to show\. Size: \d+ KiB\. / },
    { repo_root: "/light", unified_diff: unifiedDiff([edit]) },
  ]);

  const names = messageOf(new GitStream(1), shown(heavy, light));
  t.same(
    names.repositories.map(({ repo_root: root }) => root),
    ["/heavy", "/light"],
    "every tree is named in any case",
  );
  t.ok(names.repositories.every(({ unified_diff: diff }) => diff.startsWith("Total diff")));
  t.end();
});

t.test("a message in fragments keeps its bound, also when trees grow while it goes out", (t) => {
  const big = (root: string, count: number) =>
    stateOf(
      Array.from({ length: count }, (_, at) => fileOf(`f${at}`, '"'.repeat(100_000 + at))),
      { root },
    );
  const [one, two, three] = [big("/1", 8), big("/2", 8), stateOf([], { root: "/3" })];
  const states = [one, two, three];
  t.ok(states.reduce((sum, { size }) => sum + size, 0) > WHOLE_UNITS);
  const bound = 2_000_000;

  const still = messageOf(new GitStream(bound), shown(...states));
  t.ok(still.bytes <= bound && still.bytes > bound - 210_000, `${still.bytes} bytes`);
  t.ok(still.isCut);
  const lost = still.repositories.map(({ omitted_files: files = [] }) => files.map(({ path }) => path));
  t.same(lost, [["f5", "f6", "f7"], ["f4", "f5", "f6", "f7"], []], "of equal ones the later");
  t.same(messageOf(new GitStream(bound), shown(...states)).text, still.text);

  const chat = shown(...states);
  const stream = new GitStream(bound);
  const grown = nextState(three, {
    upserts: Array.from({ length: 9 }, (_, at) => fileOf(`n${at}`, '"'.repeat(150_000))),
  });
  const other = nextState(two, { upserts: [fileOf("f0", "\u0001".repeat(300_000))] });
  const moving = messageOf(stream, chat, () => chat.show(one, other, grown));
  t.ok(moving.bytes <= bound, `${moving.bytes} bytes`);
  t.same(moving.repositories.map(({ repo_root: root }) => root).slice(0, 2), ["/1", "/2"]);
  keptOf(other.files, moving.repositories[1]?.unified_diff ?? "");
  const later = messageOf(stream, chat);
  t.ok(later.bytes <= bound);
  const last = [...moving.repositories, ...later.repositories].findLast(({ repo_root: root }) => root === "/3");
  keptOf(grown.files, last?.unified_diff ?? "");
  t.end();
});

t.test("clients that are sent the same at the same time share the frame, cut or not", (t) => {
  const chat = shown(
    stateOf([fileOf("a", '"'.repeat(5000)), fileOf("b", "x")]),
    stateOf([fileOf("a", "y")], { root: "/2" }),
  );
  const [first, same, roomier] = [new GitStream(4000), new GitStream(4000), new GitStream(40_000)].map(
    (stream) => stream.next(chat, REQUEST)?.frame.data,
  );
  t.equal(first, same);
  t.not(first, roomier);
  t.ok((first?.payload.length ?? 0) < 4000);
  t.match(roomier?.payload.toString(), '\\"'.repeat(5000));
  const [view] = chat.views();
  const [one, later] = [3900, 3900].map((room) => {
    const bytes = shareOut(chat.views(), room).byRoot.get(view?.root ?? "")?.bytes ?? 0;
    return view?.fitted(bytes)?.entry;
  });
  t.not(one, view?.entry);
  t.equal(one, later, "and those who come later share its JSON");
  t.end();
});
