import { EventEmitter } from "node:events";
import t from "tap";
import type { Snapshot, WatchedTree } from "../../../src/client/index.js";
import { LiveView } from "../../../src/client/terminal/live-view.js";
import { type Keys, Screen, takeKeys } from "../../../src/client/terminal/screen.js";
import type { TreeFile } from "../../../src/protocol/index.js";
import { colorsFor } from "../../../src/util/index.js";
import { fileOf, metaOf } from "../../relay/support/fake-agent.js";

const APP = "/home/me/app";
const AT = Date.parse("2026-03-05T10:11:12Z");

function view(more: { isTerminal?: boolean; isFull?: boolean } = {}) {
  const { isTerminal = true, isFull = false } = more;
  return new LiveView({ colors: colorsFor({ isTTY: false }), isTerminal, isFull, columns: () => 80, now: () => AT });
}

function snapshot(files: TreeFile[], more: Partial<Snapshot> = {}, root = APP): Snapshot {
  const tree: WatchedTree = { root, epoch: "e", seq: 1, meta: metaOf({ branch: "main" }), files };
  return { trees: new Map([[root, tree]]), scannedAt: new Date(AT), isStale: false, ...more };
}

/** A new file of many lines, some of which say something else. */
function longFile(lines: number, changed: ReadonlyMap<number, string>): TreeFile {
  const text = Array.from({ length: lines }, (_, at) => `+${changed.get(at) ?? `line ${at} ${"x".repeat(40)}`}\n`);
  const hunks = `@@ -0,0 +1,${lines} @@\n${text.join("")}`;
  return fileOf("long", "", { hunks, additions: lines, deletions: 0 });
}

t.test("five edits of one line each write little, however large the diff is", (t) => {
  const lines = 60_000;
  const live = view();
  const changed = new Map<number, string>();
  const first = longFile(lines, changed);
  t.ok(first.hunks.length > 3 * 1024 * 1024, "over 3 MiB");
  let written = live.show(snapshot([first])).length;
  for (let edit = 0; edit < 5; edit += 1) {
    changed.set(edit * 11_000, `edit ${edit}`);
    const text = live.show(snapshot([longFile(lines, changed)]));
    t.match(text, `▌+edit ${edit}\n`);
    written += Buffer.byteLength(text);
  }
  t.ok(written < 20_000, `${written} bytes`);
  t.end();
});

t.test("a first look at a terminal is a table, and what is long is counted, until all of it is asked for", (t) => {
  const live = view();
  t.equal(live.show(snapshot([])), `${APP}  main  just now\nclean\n`);
  const text = live.show(snapshot([longFile(500, new Map())]));
  t.match(text, /^long {2}\+500 -0$/m);
  t.match(text, "\n301 more lines; f shows all\n");
  t.match(live.overview(true), "+line 499 ");
  t.notMatch(live.overview(false), "+line");
  t.equal(live.show(snapshot([longFile(500, new Map())])), "", "nothing has changed");
  t.match(live.show(snapshot([])), "long  no longer differs\n clean\n");
  t.end();
});

t.test("whole diffs are printed where they are wanted", (t) => {
  const live = view({ isFull: true });
  live.show(snapshot([fileOf("x", "first")]));
  const text = live.show(snapshot([fileOf("x", "first"), fileOf("y", "second")]));
  t.match(text, "+first\n");
  t.match(text, "+second\n");
  t.match(text, /^index 1{12}\.\.2{12} 100644$/m, "ids leave room on a terminal");
  const file = fileOf("x", "first");
  t.match(view({ isTerminal: false }).show(snapshot([file])), file.header, "and are whole elsewhere");
  t.end();
});

t.test("an agent that is away is named, with its last state and how old that is", (t) => {
  const live = view();
  const old = { isStale: true, scannedAt: new Date(AT - 720_000) };
  const text = live.show(snapshot([fileOf("x", "first")], old));
  t.match(text, /^the workspace's agent is not connected; this is its last state, of 12 min ago\n/);
  t.match(text, " 1 file changed");
  t.equal(live.show(snapshot([fileOf("x", "first")])), "the workspace's agent is connected\n");
  t.match(view().show({ ...snapshot([], old), trees: new Map() }), /^the workspace's agent is not connected\n$/);
  t.end();
});

t.test("trees that come and go are named", (t) => {
  const live = view();
  live.show(snapshot([]));
  t.match(live.show(snapshot([], {}, "/other")), `${APP}  removed\n/other  main`);
  t.match(live.show({ ...snapshot([]), trees: new Map() }), "/other  removed\nno repository to watch\n");
  t.end();
});

t.test("the line below says how things are in its place, and fits the width", (t) => {
  let [shown, columns] = ["", 20];
  const screen = new Screen({ write: (text) => (shown += text) }, () => columns);
  screen.status("0123456789012345678901234");
  t.equal(shown, "\x1b[2m0123456789012345678\x1b[22m", "one column stays free");
  shown = "";
  screen.print("text\n");
  t.equal(shown, "\r\x1b[2Ktext\n\x1b[2m0123456789012345678\x1b[22m");
  [shown, columns] = ["", 8];
  screen.redraw();
  t.equal(shown, "\r\x1b[2A\x1b[J\x1b[2m0123456\x1b[22m", "what was wrapped is taken away");
  shown = "";
  screen.end();
  t.equal(shown, "\r\x1b[2K");
  t.end();
});

t.test("keys are taken one by one without being shown, and the terminal is given back as it was", (t) => {
  const modes: boolean[] = [];
  const source = new EventEmitter();
  const keys = Object.assign(source, {
    isTTY: true,
    setRawMode: (isRaw: boolean) => modes.push(isRaw),
    resume: () => undefined,
    pause: () => undefined,
  }) as Keys;
  let taken = "";
  const release = takeKeys(keys, (key) => (taken += key));
  source.emit("data", Buffer.from("fx"));
  source.emit("data", Buffer.from("\x03"));
  t.equal(taken, "fxq", "Ctrl-C is q: in this mode the terminal makes no signal of it");
  release();
  source.emit("data", Buffer.from("f"));
  t.equal(taken, "fxq");
  t.same(modes, [true, false]);
  t.end();
});
