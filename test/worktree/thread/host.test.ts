import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { mergeFiles, type TreeFile } from "../../../src/protocol/index.js";
import { silentLogger } from "../../../src/util/index.js";
import { type Tree, TreeHost, type TreeHostOptions, type TreeState } from "../../../src/worktree/index.js";
import { createRepo, expectedOf } from "../../support/repo.js";
import { fileOf } from "../../support/states.js";
import { type Cleanup, tempDir } from "../../support/temp.js";
import { until } from "../../support/until.js";
import type { Act } from "./script.js";

const program = new URL("./scripted-worker.js", import.meta.url);

type Asserting = Pick<typeof t, "strictSame">;

interface Heard {
  tree: Tree;
  states: TreeState[];
  /** The keys of each state's changes. */
  changes: string[][];
  gone: number;
}

/** Opens a root and holds each event against the state that was there before. */
function hear(t: Asserting, host: TreeHost, root: string): Heard {
  const tree = host.open(root);
  const heard: Heard = { tree, states: [], changes: [], gone: 0 };
  let files: readonly TreeFile[] = tree.state?.files ?? [];
  tree.on("state", (state, changes) => {
    t.strictSame(mergeFiles(files, changes), state.files, "the changes lead from the state before to this one");
    files = state.files;
    heard.states.push(state);
    heard.changes.push([...changes.keys()]);
  });
  tree.on("gone", () => {
    files = [];
    heard.gone += 1;
  });
  return heard;
}

/** A host. Its thread keeps no process alive, so the test does. */
function hostOf(t: Cleanup, options: Partial<TreeHostOptions> = {}): TreeHost {
  const alive = setInterval(() => {}, 1000);
  const host = new TreeHost({ logger: silentLogger(), ...options });
  t.teardown(async () => {
    clearInterval(alive);
    await host.close();
  });
  return host;
}

function scripted(t: Cleanup, script: readonly Act[]): { host: TreeHost; root: string } {
  const root = tempDir(t);
  writeFileSync(join(root, "script.json"), JSON.stringify(script));
  return { host: hostOf(t, { program }), root };
}

function whole(files: readonly TreeFile[], branch = "main"): Act {
  return { whole: true, branch, changes: files.map((file) => [file.key, file]) };
}

const a = fileOf("t:a");
const b = fileOf("t:b");
const b2 = fileOf("t:b", "@@ -1 +1 @@\n-b\n+other\n");
const c = fileOf("u:c");

t.test("a host answers a ping through its thread, and at once without one", async (t) => {
  const host = hostOf(t);
  await host.ping();
  const tree = host.open(createRepo(t, { a: "1\n" }).root);
  await host.ping();
  t.ok(await tree.refresh());
});

t.test("a thread that has had no tree for a while ends, and the next tree has another", async (t) => {
  const root = tempDir(t);
  writeFileSync(join(root, "script.json"), JSON.stringify([whole([a]), whole([b])]));
  const host = hostOf(t, { program, restMs: 0 });
  const first = hear(t, host, root);
  await until("the first thread's state", () => first.states[0]);
  first.tree.close();
  await host.ping(); // the scripted thread never answers: it has ended
  const second = hear(t, host, root);
  await until("the next thread's state", () => second.states[0]);
  t.strictSame(second.states[0]?.files, [b]);
});

t.test("a followed tree's changes lead from state to state", async (t) => {
  const host = hostOf(t);
  const repo = createRepo(t, { a: "1\n", b: "1\n" });
  repo.write("a", "2\n");
  const { tree, changes } = hear(t, host, repo.root);
  await tree.refresh();
  repo.write("b", "2\n");
  repo.write("new", "1\n");
  await tree.refresh();
  repo.write("a", "1\n");
  const state = await tree.refresh();
  t.strictSame(changes[0], ["t:a"]);
  t.strictSame([...new Set(changes.slice(1).flat())].sort(), ["t:a", "t:b", "u:new"]);
  const text = state?.files.map(({ header, hunks }) => header + hunks).join("");
  t.equal(text, expectedOf(repo.root).unified_diff.toString());
});

t.test("the first changes lead from no files, those after a tree was gone as well", async (t) => {
  const { host, root } = scripted(t, [
    whole([a, b]),
    { whole: false, branch: "main", changes: [["t:b", null]] },
    "gone",
    whole([a, c]),
  ]);
  const heard = hear(t, host, root);
  for (let times = 0; times < 3; times++) await heard.tree.refresh();
  t.strictSame(heard.changes, [["t:a", "t:b"], ["t:b"], ["t:a", "u:c"]]);
  t.equal(heard.gone, 1);
  t.strictSame(
    heard.states.map(({ files }) => files.map(({ key }) => key)),
    [["t:a", "t:b"], ["t:a"], ["t:a", "u:c"]],
  );
});

t.test("after the thread has died, the changes lead on from the state that was known", async (t) => {
  const { host, root } = scripted(t, [whole([a, b]), "die", whole([a, b2, c]), "nothing"]);
  const heard = hear(t, host, root);
  await until("a state", () => heard.states.length === 1);
  const state = await heard.tree.refresh();
  t.strictSame(heard.changes, [
    ["t:a", "t:b"],
    ["t:b", "u:c"],
  ]);
  t.equal(state?.files[0], heard.states[0]?.files[0], "what did not change is the same object");
  t.equal(state?.scannedAt, 2, "the refresh that the dead thread owed is answered by the new one");
});

t.test("a thread that dies while nothing changes brings a state without changes", async (t) => {
  const { host, root } = scripted(t, [whole([a]), "die", whole([a]), "nothing"]);
  const heard = hear(t, host, root);
  await until("a state", () => heard.states.length === 1);
  await heard.tree.refresh();
  t.strictSame(heard.changes, [["t:a"], []]);
  t.equal(heard.states[1]?.files[0], heard.states[0]?.files[0]);
});

t.test("a tree that has gone when the thread is back is gone", async (t) => {
  const { host, root } = scripted(t, [whole([a]), "die", "gone", "nothing"]);
  const heard = hear(t, host, root);
  await until("a state", () => heard.states.length === 1);
  t.equal(await heard.tree.refresh(), undefined);
  t.strictSame([heard.gone, heard.tree.gone, heard.tree.state], [1, true, undefined]);
});

t.test("a second holder begins with the state that is there and hears what changes from it", async (t) => {
  const next: Act = { whole: false, branch: "topic", changes: [["u:c", c]] };
  const { host, root } = scripted(t, [whole([a]), next, "nothing"]);
  const first = hear(t, host, root);
  await until("a state", () => first.states.length === 1);
  const second = hear(t, host, root);
  t.strictSame(second.tree.state?.files, [a]);
  await second.tree.refresh();
  t.strictSame([first.changes, second.changes], [[["t:a"], ["u:c"]], [["u:c"]]]);
  first.tree.close();
  await second.tree.refresh();
  t.equal(second.tree.state?.branch, "topic");
});

t.test("a host that closes amid events of parcel leaves the process as it is", async (t) => {
  const repo = createRepo(t, { a: "a\n" });
  for (let rounds = 0; rounds < 3; rounds++) {
    const host = hostOf(t, { watcher: "parcel" });
    const { states } = hear(t, host, repo.root);
    await until("a state", () => states.length > 0);
    for (let at = 0; at < 5; at++) {
      repo.write("a", `${rounds} ${at}\n`);
      await until("its event", () => states.at(-1)?.files[0]?.hunks.includes(`+${rounds} ${at}`));
    }
    for (let at = 0; at < 500; at++) repo.write("b", `${at}\n`);
    await host.close(); // else the library calls into a thread that is no more, and aborts
  }
});
