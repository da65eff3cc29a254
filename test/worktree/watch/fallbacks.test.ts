import { execFileSync, spawn, spawnSync } from "node:child_process";
import { appendFileSync, linkSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import t from "tap";
import { createLogger, silentLogger } from "../../../src/util/index.js";
import { Tracker } from "../../../src/worktree/follow/tracker.js";
import type { TreeState } from "../../../src/worktree/types.js";
import { HurriedClock } from "../../support/hurried-clock.js";
import { createRepo, expectedOf, GIT_ENV } from "../../support/repo.js";
import { type Cleanup, tempDir } from "../../support/temp.js";
import { until } from "../../support/until.js";

const program = fileURLToPath(new URL("./follow-program.js", import.meta.url));

interface Line {
  text: string;
  health: string;
  head: string;
  watches: number;
}

/** Runs the program that follows a tree, by a command in front of it. @returns the lines it printed so far */
function followIn(t: Cleanup, command: string[], root: string): { lines: Line[]; errors: string[] } {
  const [file = "", ...args] = [...command, process.execPath, program, root];
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"], env: GIT_ENV });
  t.teardown(() => child.kill("SIGKILL"));
  const lines: Line[] = [];
  const errors: string[] = [];
  let rest = "";
  child.stdout.on("data", (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split("\n");
    rest = parts.pop() ?? "";
    lines.push(...parts.map((line): Line => JSON.parse(line)));
  });
  child.stderr.on("data", (chunk: Buffer) => errors.push(chunk.toString()));
  return { lines, errors };
}

interface Followed {
  tracker: Tracker;
  clock: HurriedClock;
  warnings: string[];
  text(): string | undefined;
}

async function follow(t: Cleanup, root: string): Promise<Followed> {
  const warnings: string[] = [];
  const log = new Writable({
    write(chunk: Buffer, _encoding, done) {
      warnings.push(chunk.toString());
      done();
    },
  });
  const clock = new HurriedClock();
  let state: TreeState | undefined;
  const tracker = new Tracker({
    root,
    logger: createLogger("test", "warn", log),
    maxPatchBytes: 2 ** 30,
    keptPatchBytes: 2 ** 30,
    clock,
    onState: (next) => {
      state = next;
    },
    onGone: () => {},
    onTrouble: () => {},
  });
  t.teardown(() => tracker.close());
  await tracker.start();
  return { tracker, clock, warnings, text: () => state?.files.map((file) => file.header + file.hunks).join("") };
}

t.test("when the watch limit is reached the tree is polled and says so, and .git stays covered", async (t) => {
  const probe = spawnSync("unshare", ["--user", "--map-root-user", "true"]);
  if (probe.status !== 0) {
    t.plan(0, "user namespaces are not to be had here");
    return;
  }
  const files = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`d${at}/f`, `${at}\n`]));
  const repo = createRepo(t, files);
  const limited = 'echo 40 > /proc/sys/user/max_inotify_watches && exec "$@"';
  const { lines, errors } = followIn(t, ["unshare", "--user", "--map-root-user", "sh", "-c", limited, "sh"], repo.root);
  const first = await until("a first state", () => lines[0], { seen: () => errors });
  t.match(first.health, /polled every \d+ s.*max_user_watches/);
  for (const path of ["d0/f", "d99/f"]) {
    repo.write(path, "changed\n");
    const expected = expectedOf(repo.root).unified_diff.toString();
    await until(`the change of ${path}`, () => lines.at(-1)?.text === expected, { deadlineMs: 20_000 });
  }
  repo.commit("both");
  const head = repo.git("rev-parse", "HEAD");
  await until("the commit", () => lines.at(-1)?.head === head && lines.at(-1)?.text === "");
});

t.test("a file system without events is polled and says so", async (t) => {
  const backing = tempDir(t);
  const mounted = tempDir(t);
  const mount = spawnSync("bindfs", ["--no-allow-other", backing, mounted]);
  if (mount.status !== 0) {
    t.plan(0, "bindfs can't mount here");
    return;
  }
  t.teardown(() => execFileSync("umount", ["--lazy", mounted]));
  const repo = createRepo(t, { a: "a\n", "d/b": "b\n" }, join(backing, "work"));
  const { lines, errors } = followIn(t, [], join(mounted, "work"));
  const first = await until("a first state", () => lines[0], { seen: () => errors });
  t.match(first.health, /polled every \d+ s: FUSE/);
  repo.write("d/b", "changed behind the mount\n");
  const expected = expectedOf(repo.root).unified_diff.toString();
  await until("the change", () => lines.at(-1)?.text === expected, { deadlineMs: 20_000, seen: () => lines.at(-1) });
});

t.test("what no event tells of is found by the sweep, which names it", async (t) => {
  const repo = createRepo(t, { a: "a\n", b: "b\n" });
  repo.touch("a", 1_700_000_000);
  repo.git("update-index", "-q", "--refresh"); // so that it is not read, and not looked at again soon
  const outside = join(tempDir(t), "hard link");
  const followed = await follow(t, repo.root);
  linkSync(join(repo.root, "a"), outside); // which raises no event in the tree, so nothing watches the file itself
  writeFileSync(outside, "written through another name\n");
  const expected = expectedOf(repo.root).unified_diff.toString();
  await until("the sweep's find", () => followed.text() === expected, { deadlineMs: 20_000 });
  await until("its warning", () => followed.warnings.length > 0);
  t.match(followed.warnings[0], /"path":"a".*no event told of/);
});

t.test("an edit that an event told of is no find of the sweep", async (t) => {
  const repo = createRepo(t, { a: "a\n" });
  const followed = await follow(t, repo.root);
  for (let at = 0; at < 40; at++) {
    writeFileSync(join(repo.root, "a"), `${at}\n`.repeat(at));
    mkdirSync(join(repo.root, `d${at}`));
    writeFileSync(join(repo.root, `d${at}/f`), "f\n");
    await followed.tracker.refresh();
  }
  t.strictSame(followed.warnings, []);
});

t.test("after the clock has jumped everything is looked at again", async (t) => {
  const repo = createRepo(t, { a: "a\n" });
  const outside = join(tempDir(t), "hard link");
  const followed = await follow(t, repo.root);
  linkSync(join(repo.root, "a"), outside);
  writeFileSync(outside, "written while the machine slept\n");
  followed.clock.aheadMs = 8 * 3_600_000;
  const expected = expectedOf(repo.root).unified_diff.toString();
  await until("a look at everything", () => followed.text() === expected);
  t.strictSame(followed.warnings, [], "the watcher is not to blame");
});

t.test("a storm of events brings a look at everything", async (t) => {
  const repo = createRepo(t, { a: "a\n" });
  const tracker = new Tracker({
    root: repo.root,
    logger: silentLogger(),
    maxPatchBytes: 2 ** 30,
    keptPatchBytes: 2 ** 30,
    sweep: false,
    onState: () => {},
    onGone: () => {},
    onTrouble: () => {},
  });
  t.teardown(() => tracker.close());
  await tracker.start();
  // this thread is busy meanwhile: the kernel's queue of 16,384 events runs over
  mkdirSync(join(repo.root, "many"));
  await tracker.refresh();
  for (let at = 0; at < 12_000; at++) appendFileSync(join(repo.root, "many", String(at % 4)), `${at}\n`);
  writeFileSync(join(repo.root, "a"), "lost in the storm\n");
  const expected = expectedOf(repo.root).unified_diff.toString();
  const text = (): string | undefined => tracker.state?.files.map((file) => file.header + file.hunks).join("");
  await until("the state after the storm", () => text() === expected);
});
