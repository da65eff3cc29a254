import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { Writable } from "node:stream";
import t from "tap";
import { createLogger } from "../../../src/util/index.js";
import { Tracker } from "../../../src/worktree/follow/tracker.js";
import { createRepo, expectedOf } from "../../support/repo.js";
import { until } from "../../support/until.js";
import { followedByTested } from "../../support/watchers.js";

/** Makes a chain of directories step by step, whose last one has a path of so many bytes, and another one below it. */
const MAKE_CHAIN = `
  const { mkdirSync, writeFileSync } = require("node:fs");
  let left = Number(process.argv[1]) - Buffer.byteLength(process.cwd());
  const enter = (name) => { mkdirSync(name); process.chdir(name); };
  while (left > 203) { enter("z".repeat(199)); left -= 200; }
  if (left > 202) { enter("e".repeat(100)); left -= 101; }
  enter("f".repeat(left - 1));
  writeFileSync("file", "1");
  enter("below");
  writeFileSync("file", "1");`;

t.test("a chain of directories that is too deep for a path leaves the rest as it is", async (t) => {
  for (const bytes of [4080, 4084, 4085, 4086, 4089, 4090, 4091, 4093, 4094, 4095, 4096]) {
    const repo = createRepo(t, { a: "a\n" });
    t.teardown(() => execFileSync("rm", ["-rf", join(repo.root, "deep")]));
    repo.write("deep/file", "1\n");
    execFileSync(process.execPath, ["-e", MAKE_CHAIN, String(bytes)], { cwd: join(repo.root, "deep") });
    const warnings: string[] = [];
    const log = new Writable({
      write(chunk: Buffer, _encoding, done) {
        warnings.push(chunk.toString());
        done();
      },
    });
    const troubles: string[] = [];
    const tracker = new Tracker({
      root: repo.root,
      logger: createLogger("test", "warn", log),
      maxPatchBytes: 2 ** 30,
      keptPatchBytes: 2 ** 30,
      ...followedByTested(),
      onState: () => {},
      onGone: () => {},
      onTrouble: (_code, message) => troubles.push(message),
    });
    t.teardown(() => tracker.close());
    await tracker.start();
    repo.write("a", "changed\n");
    const below = join("deep", "z".repeat(199));
    // git asks for paths that begin at the root, and so comes deeper by the root's length
    const expected = expectedOf(repo.root).unified_diff.toString().split(`diff --git a/${below}`)[0];
    const text = (): string | undefined => {
      const files = tracker.state?.files.filter(({ key }) => !key.startsWith(`u:${below}`));
      return files?.map((file) => file.header + file.hunks).join("");
    };
    await until(`git's answer at ${bytes} bytes`, () => text() === expected, {
      deadlineMs: 10_000,
      seen: () => ({ troubles, text: text(), expected }),
    });
    t.equal(tracker.state?.health, "", "nothing is polled for it");
    if (bytes + "/below/file".length < 4096) continue;
    t.ok(
      warnings.some((line) => line.includes("its path is too long")),
      `a warning at ${bytes} bytes`,
    );
  }
});
