import { chmodSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { scanOnce, scanOnceRaw } from "../../src/worktree/index.js";
import { createRepo, expectedOf, type TestRepo } from "../support/repo.js";

process.env.GIT_CONFIG_GLOBAL = "/dev/null";
process.env.GIT_CONFIG_NOSYSTEM = "1";

/** What is shown of a tree, patch by patch, and what is told. */
async function scan(root: string): Promise<{ patches: string[]; told: string[] }> {
  const told: string[] = [];
  const { diff, report } = await scanOnceRaw(root, { onTrouble: (error) => told.push(String(error)) });
  const patches: string[] = [];
  for await (const piece of diff) patches.push(Buffer.from(piece).toString("latin1"));
  report();
  return { patches, told };
}

/** Damages a repository in which `a`, `b` and `c` changed, and sees that all but `lost` is shown. */
async function survives(t: Test, repo: TestRepo, lost: string, damage: () => void): Promise<void> {
  for (const path of ["a", "b", "c"]) repo.write(path, `${path}\nchanged\n`);
  const expected = expectedOf(repo.root)
    .unified_diff.toString("latin1")
    .split(/^(?=diff --git )/m);
  t.equal(expected.length, 3);
  damage();
  const { patches, told } = await scan(repo.root);
  t.same(
    patches,
    expected.filter((patch) => !patch.startsWith(`diff --git a/${lost} `)),
  );
  t.equal(told.length, 1);
  t.match(told[0], /the repository is damaged/);
  const { files } = await scanOnce(repo.root, { onTrouble: (error) => told.push(String(error)) });
  t.same(
    files.map(({ path }) => path),
    ["a", "b", "c"].filter((path) => path !== lost),
  );
  t.equal(told.length, 2);
}

t.test("a missing object costs the patch of its file only", async (t) => {
  const repo = createRepo(t, { a: "a\n", b: "b\n", c: "c\n" });
  const blob = repo.git("rev-parse", "HEAD:b");
  await survives(t, repo, "b", () => rmSync(join(repo.root, ".git/objects", blob.slice(0, 2), blob.slice(2))));
});

t.test("a damaged pack costs the patches of the files in it only", async (t) => {
  const repo = createRepo(t, { a: "a\n", c: "c\n" });
  repo.git("repack", "-adq");
  repo.write("b", "b\n");
  repo.commit();
  const blob = repo.git("rev-parse", "HEAD:b");
  const name = packAlone(repo, blob);
  await survives(t, repo, "b", () => {
    const pack = join(repo.root, ".git/objects/pack", `pack-${name}.pack`);
    chmodSync(pack, 0o644);
    const bytes = readFileSync(pack);
    writeFileSync(pack, bytes.fill(0xff, 12, bytes.length - 20));
  });
});

/** Puts a loose object into a pack of its own. @returns the pack's name */
function packAlone(repo: TestRepo, oid: string): string {
  const name = repo.git("-c", `alias.alone=!echo ${oid} | git pack-objects -q .git/objects/pack/pack`, "alone");
  rmSync(join(repo.root, ".git/objects", oid.slice(0, 2), oid.slice(2)));
  return name;
}

t.test("when the pack is whole again, so is the tree", async (t) => {
  const repo = createRepo(t, { a: "a\n", b: "b\n", c: "c\n" });
  repo.git("repack", "-adq");
  const directory = join(repo.root, ".git/objects/pack");
  const index = join(directory, readdirSync(directory).find((name) => name.endsWith(".idx")) ?? "");
  repo.write("a", "changed\n");
  const expected = expectedOf(repo.root).unified_diff.toString("latin1");
  const byItself = await scan(repo.root);
  t.equal(byItself.patches.join(""), expected);
  renameSync(index, `${index}.aside`);
  await t.rejects(scanOnceRaw(repo.root), { code: "TW_CORRUPT_REPOSITORY" });
  renameSync(`${index}.aside`, index);
  t.equal((await scan(repo.root)).patches.join(""), expected);
});
