// Files that change between the look that led to their reading and the reading.
import { execFileSync } from "node:child_process";
import { chmodSync, linkSync, lstatSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { openRepository } from "../../../src/git/index.js";
import { RACY_MS, type Stamp, stampOf } from "../../../src/worktree/file-stamp.js";
import { NotReadyError } from "../../../src/worktree/patches/not-ready.js";
import { SlowReads } from "../../../src/worktree/patches/slow-reads.js";
import { WorkFiles } from "../../../src/worktree/patches/work-files.js";
import { createRepo } from "../../support/repo.js";
import type { Cleanup } from "../../support/temp.js";

const BIG = 10;

async function started(t: Cleanup, ...settings: [string, string][]) {
  const repo = createRepo(t, { a: "one\n" });
  repo.git("config", "core.bigFileThreshold", String(BIG));
  for (const [name, value] of settings) repo.git("config", name, value);
  const repository = openRepository(repo.root, process.env, "all");
  const look = (path: string): Stamp => {
    const takenAt = Date.now();
    return stampOf(lstatSync(join(repo.root, path)), takenAt);
  };
  const idOf = (input: string) => execFileSync("git", ["hash-object", "--stdin"], { input }).toString().trim();
  return { repo, root: repo.root, repository, look, idOf };
}

t.test("a directory that another one stands in for while it is read, and not after", async (t) => {
  const { root, repository, look, idOf } = await started(t);
  for (const name of ["here", "other"]) {
    mkdirSync(join(root, name));
    writeFileSync(join(root, name, "file"), `${name.slice(0, 4)}\n`);
  }
  await sleep(2 * RACY_MS); // the looks prove what they see
  const files = new WorkFiles(repository);
  const stamp = look("here/file");
  const swap = (): void => {
    renameSync(join(root, "here"), join(root, "aside"));
    renameSync(join(root, "other"), join(root, "here"));
    renameSync(join(root, "aside"), join(root, "other"));
  };
  swap();
  t.equal((await files.read("here/file", stamp, undefined))?.oid, idOf("othe\n"), "as it is read");
  swap();
  t.strictSame({ ...look("here/file"), takenAt: 0 }, { ...stamp, takenAt: 0 }, "it looks as it did at first");
  t.equal((await files.read("here/file", look("here/file"), undefined))?.oid, idOf("here\n"));
});

t.test("what is known of a file is of the moment when it was read", async (t) => {
  const { root, repository, look, idOf } = await started(t);
  const files = new WorkFiles(repository);
  const stamp = look("a");
  writeFileSync(join(root, "a"), "x".repeat(BIG + 1));
  chmodSync(join(root, "a"), 0o755);
  t.match(await files.read("a", stamp, undefined), { oid: idOf("x".repeat(BIG + 1)), large: true, mode: 0o100755 });
  t.strictSame([...files.takeYoung()], ["a"], "it may be written on without an event");
  writeFileSync(join(root, "a"), "x");
  t.match(await files.read("a", look("a"), undefined), { oid: idOf("x"), large: false });
});

t.test("a file that is read beside the passes is taken, however old the look that led to it", async (t) => {
  const { root, repo, repository, look } = await started(t, ["filter.upper.clean", "tr a-z A-Z"]);
  repo.write(".gitattributes", "* filter=upper\n");
  repository.invalidate(["attributes"]);
  const reads = new SlowReads(() => undefined);
  t.teardown(() => reads.close());
  const files = new WorkFiles(repository, { repository, reads, maxHashedBytes: 2 ** 20 });
  const stamp = look("a");
  await sleep(2 * RACY_MS);
  linkSync(join(root, "a"), join(root, ".git/another name")); // its ctime is another one now
  await t.rejects(files.read("a", stamp, undefined), NotReadyError);
  await reads.settled();
  const read = await files.read("a", stamp, undefined);
  t.equal(String(await files.content("a", read?.oid ?? "", undefined)), "ONE\n");
});
