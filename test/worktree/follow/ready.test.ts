import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { silentLogger } from "../../../src/util/index.js";
import { Tracker } from "../../../src/worktree/follow/tracker.js";
import type { TreeState } from "../../../src/worktree/types.js";
import { createRepo, expectedOf, type TestRepo } from "../../support/repo.js";
import { type Cleanup, tempDir } from "../../support/temp.js";
import { until } from "../../support/until.js";
import { followedByTested, healthBesidePolling, TESTED_WATCHER } from "../../support/watchers.js";

interface Followed {
  readonly tracker: Tracker;
  readonly states: TreeState[];
  readonly troubles: string[];
}

/** Follows a repository with nothing but events: no sweep, no refresh. */
async function follow(t: Cleanup, repo: TestRepo, maxPatchBytes = 2 ** 30): Promise<Followed> {
  const [states, troubles]: [TreeState[], string[]] = [[], []];
  const tracker = new Tracker({
    root: repo.root,
    logger: silentLogger(),
    maxPatchBytes,
    filters: "all",
    keptPatchBytes: 2 ** 30,
    ...followedByTested(),
    // a sweep that is hurried reads a young file anew while it is read
    sweep: TESTED_WATCHER === "poll",
    onState: (state) => states.push(state),
    onGone: () => {},
    onTrouble: (_, message) => troubles.push(message),
  });
  t.teardown(() => tracker.close());
  await tracker.start();
  return { tracker, states, troubles };
}

const textOf = ({ tracker }: Followed): string =>
  tracker.state?.files.map(({ header, hunks }) => header + hunks).join("") ?? "";
const keysOf = ({ tracker }: Followed): string => tracker.state?.files.map(({ key }) => key).join() ?? "";
const healthOf = ({ tracker }: Followed): string | undefined => healthBesidePolling(tracker.state?.health);

async function untilRight(followed: Followed, repo: TestRepo): Promise<void> {
  const expected = expectedOf(repo.root).unified_diff.toString();
  const isRight = () => textOf(followed) === expected && healthOf(followed) === "";
  await until("the state of git", isRight, { seen: () => `${healthOf(followed)} ${textOf(followed).slice(0, 2000)}` });
}

async function untilShown(followed: Followed, keys: string, health: string): Promise<void> {
  await until(`${keys} and "${health}"`, () => keysOf(followed) === keys && healthOf(followed) === health, {
    seen: () => `${keysOf(followed)}, ${healthOf(followed)}`,
  });
}

/** A repository whose filter `slow` waits for a gate, and counts how often it was begun. */
function withSlowFilter(t: Cleanup, files: Record<string, string>, filter = "tr a-z A-Z") {
  const outside = tempDir(t);
  const gate = join(outside, "gate");
  const begun = join(outside, "begun");
  const repo = createRepo(t, { ".gitattributes": "*.slow filter=slow\n", ...files });
  const wait = `while [ -d ${outside} ] && ! [ -e ${gate} ]; do sleep 0.02; done`;
  repo.git("config", "filter.slow.clean", `echo >> ${begun}; ${wait}; ${filter}`);
  return { repo, open: () => writeFileSync(gate, ""), hasBegun: () => existsSync(begun) };
}

t.test("an edit does not wait for a filter, and what the filter makes of its file follows", async (t) => {
  const { repo, open, hasBegun } = withSlowFilter(t, { "a.slow": "A\n", other: "1\n" });
  const followed = await follow(t, repo);
  repo.write("a.slow", "changed\n");
  await until("the filter", hasBegun);
  repo.write("other", "2\n");
  repo.write("new.slow", "new\n");
  await untilShown(followed, "t:other", "2 files are not ready yet: a.slow, new.slow");
  open();
  await untilRight(followed, repo);
  t.equal(keysOf(followed), "t:a.slow,t:other,u:new.slow");
});

t.test("a file that was shown is not told as it was before while its next version is read", async (t) => {
  const { repo, open } = withSlowFilter(t, { "a.slow": "A\n", b: "b\n" });
  open();
  const followed = await follow(t, repo);
  repo.write("a.slow", "one\n");
  await untilRight(followed, repo);
  repo.git("config", "filter.slow.clean", "while ! [ -e .git/second ]; do sleep 0.02; done; tr a-z A-Z");
  repo.write("a.slow", "second\n");
  await untilShown(followed, "", "1 file is not ready yet: a.slow");
  repo.write(".git/second", "");
  await untilRight(followed, repo);
  t.match(textOf(followed), "+SECOND");
});

t.test("a file that changes while its filter runs is read once more", async (t) => {
  const { repo, open, hasBegun } = withSlowFilter(t, { "a.slow": "A\n" });
  const followed = await follow(t, repo);
  repo.write("a.slow", "one\n");
  await until("the filter", hasBegun);
  repo.write("a.slow", "another\n");
  open();
  await untilRight(followed, repo);
  t.match(textOf(followed), "+ANOTHER");
});

t.test("a filter that fails is trouble, and nothing waits for it any more", async (t) => {
  const { repo, open } = withSlowFilter(t, { "a.slow": "A\n", b: "b\n" }, "exit 1");
  repo.git("config", "filter.slow.required", "true");
  const followed = await follow(t, repo);
  repo.write("a.slow", "changed\n");
  repo.write("b", "B\n");
  await untilShown(followed, "t:b", "1 file is not ready yet: a.slow");
  open();
  await untilShown(followed, "t:b", "");
  t.match(followed.troubles.join(), /filter "slow"/);
});

t.test("a rename whose new file is not ready is told as one when it is", async (t) => {
  const lines = Array.from({ length: 30 }, (_, at) => `LINE ${at}\n`).join("");
  const { repo, open } = withSlowFilter(t, { "old.slow": lines, keep: "1\n" });
  const followed = await follow(t, repo);
  repo.move("old.slow", "new.slow");
  repo.write("new.slow", lines.replace("LINE 7", "line seven"));
  repo.git("config", "filter.slow.clean", "tr a-z A-Z"); // git itself is not to wait
  repo.git("add", "-A");
  repo.write("new.slow", lines.replace("LINE 7", "line 8"));
  open();
  await untilRight(followed, repo);
  t.match(textOf(followed), "rename from old.slow");
});

t.test("a refresh waits for what takes long, and nothing else does", async (t) => {
  const { repo, open, hasBegun } = withSlowFilter(t, { "a.slow": "A\n", b: "b\n" });
  const followed = await follow(t, repo);
  repo.write("a.slow", "changed\n");
  let isAnswered = false;
  const refreshed = followed.tracker.refresh().then((state) => {
    isAnswered = true;
    return state;
  });
  await until("the filter", hasBegun);
  repo.write("b", "B\n");
  await untilShown(followed, "t:b", "1 file is not ready yet: a.slow");
  t.notOk(isAnswered);
  open();
  t.equal((await refreshed)?.health, "");
  t.equal(keysOf(followed), "t:a.slow,t:b");
  await untilRight(followed, repo);
});

t.test("a log that grows without end holds nothing back, and is right when it rests", async (t) => {
  const repo = createRepo(t, { other: "1\n" });
  repo.write("log", Buffer.alloc(12 * 2 ** 20, "a line of a log\n"));
  const followed = await follow(t, repo);
  const script = `const fs = require("fs"); setInterval(() => fs.appendFileSync("log", "more\\n"), 1); console.log("on")`;
  const writer = spawn(process.execPath, ["-e", script], { cwd: repo.root, stdio: ["ignore", "pipe", "inherit"] });
  t.teardown(() => writer.kill());
  await once(writer.stdout, "data");
  for (const content of ["2\n", "3\n", "4\n"]) {
    repo.write("other", content);
    await until("the edit", () => textOf(followed).includes(`+${content}`), { seen: () => keysOf(followed) });
  }
  writer.kill();
  await once(writer, "exit");
  repo.write("other", "5\n");
  await untilRight(followed, repo);
});

t.test("of a large new file whose lines are not told, they are counted all the same", async (t) => {
  const repo = createRepo(t, { other: "1\n" });
  const followed = await follow(t, repo, 2 ** 20);
  for (const end of ["", "no line feed"]) {
    repo.write("log", Buffer.concat([Buffer.alloc(9 * 2 ** 20, "a line of a log\n"), Buffer.from(end)]));
    const diff = expectedOf(repo.root).unified_diff;
    const header = diff.toString("latin1").split("@@")[0] ?? "";
    const seen = () => followed.tracker.state?.files[0];
    await until("the header", () => seen()?.header === header && healthOf(followed) === "", { seen });
    const [lines] = /(?<=\+1,)\d+/.exec(diff.toString("latin1", 0, 1000)) ?? [];
    t.match(seen(), { hunks: "", additions: Number(lines), omitted_bytes: diff.length - header.length });
  }
});

t.test("a file of 400 GiB is told by its size, and nothing waits for it", async (t) => {
  const repo = createRepo(t, { other: "1\n", "tracked.img": "small\n" });
  const followed = await follow(t, repo);
  for (const name of ["disk.img", "tracked.img"]) {
    repo.write(name, "");
    truncateSync(join(repo.root, name), 400 * 2 ** 30);
  }
  repo.write("other", "2\n");
  await untilShown(followed, "t:other,t:tracked.img,u:disk.img", "");
  const told = followed.tracker.state?.files.map(({ header, hunks }) => header + hunks) ?? [];
  t.equal(told[1], "diff --git a/tracked.img b/tracked.img\nFile too large to read. Size: 400 GiB\n");
  t.equal(told[2], "diff --git a/disk.img b/disk.img\nnew file mode 100644\nFile too large to read. Size: 400 GiB\n");
  repo.remove("disk.img");
  repo.write("tracked.img", "small again\n");
  await untilRight(followed, repo);
});

t.test("the end of a tree is not held up by what is being read", async (t) => {
  const { repo, hasBegun, open } = withSlowFilter(t, { "a.slow": "A\n" });
  const followed = await follow(t, repo);
  repo.write("a.slow", "changed\n");
  await until("the filter", hasBegun);
  const refreshed = followed.tracker.refresh();
  await untilShown(followed, "", "1 file is not ready yet: a.slow");
  followed.tracker.close();
  await refreshed;
  open();
  t.pass();
});
