import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { openRepository } from "../../../src/git/index.js";
import { SHA1 } from "../../../src/git/objects/object-id.js";
import { ObjectStore } from "../../../src/git/objects/object-store.js";
import { createRepo, GIT_ENV, git, type TestRepo } from "../../support/repo.js";
import { tempDir } from "../../support/temp.js";

const objectsOf = (repo: TestRepo): string => join(repo.root, ".git/objects");

/** A history whose files make good deltas. */
function historyRepo(test: Test, commits = 12): TestRepo {
  const repo = createRepo(test);
  for (let round = 0; round < commits; round += 1) {
    const lines = Array.from(
      { length: 400 },
      (_, at) => `line ${at} ${at % 17 === round ? `changed in ${round}` : ""}\n`,
    );
    repo.write("long", lines.join(""));
    repo.write(`dir/file${round}`, `${round}\n`);
    repo.write("binary", Buffer.from(Array.from({ length: 5000 }, (_, at) => (at * at * (round + 1)) % 256)));
    repo.commit(`round ${round}`);
  }
  return repo;
}

/** Every object as `git cat-file` has it: id, type, size and content. */
function allObjects(dir: string): { oid: string; type: string; content: Buffer }[] {
  const output = execFileSync("git", ["-C", dir, "cat-file", "--batch", "--batch-all-objects", "--unordered"], {
    env: GIT_ENV,
    maxBuffer: 2 ** 30,
  });
  const objects: { oid: string; type: string; content: Buffer }[] = [];
  for (let at = 0; at < output.length; ) {
    const lineEnd = output.indexOf("\n", at);
    const [oid = "", type = "", size = ""] = output.toString("latin1", at, lineEnd).split(" ");
    const end = lineEnd + 1 + Number(size);
    objects.push({ oid, type, content: output.subarray(lineEnd + 1, end) });
    at = end + 1;
  }
  return objects;
}

function readsEverything(test: Test, dir: string, objects: string, what: string): void {
  const store = new ObjectStore(objects, SHA1);
  const wrong: string[] = [];
  const all = allObjects(dir);
  for (const { oid, type, content } of all) {
    const read = store.read(oid);
    if (read.type !== type || !read.content.equals(content) || store.size(oid) !== content.length) wrong.push(oid);
  }
  store.refresh();
  test.same(wrong, [], what);
  test.ok(all.length > 15, what);
}

t.test("every object is read as git reads it, however it is stored", async (t) => {
  const repo = historyRepo(t);
  readsEverything(t, repo.root, objectsOf(repo), "loose");
  repo.git("gc", "-q");
  readsEverything(t, repo.root, objectsOf(repo), "packed, with offsets as bases");
  repo.git("-c", "repack.useDeltaBaseOffset=false", "repack", "-adfq", "--depth=50");
  readsEverything(t, repo.root, objectsOf(repo), "packed, with ids as bases");
  repo.git("-c", "pack.indexVersion=1", "repack", "-adfq");
  readsEverything(t, repo.root, objectsOf(repo), "pack index version 1");
  repo.git("-c", "core.compression=0", "repack", "-adfFq");
  readsEverything(t, repo.root, objectsOf(repo), "not compressed");
  repo.write("long", "something else\n");
  repo.commit();
  repo.git("repack", "-q");
  repo.write("long", "and now this\n");
  repo.commit();
  readsEverything(t, repo.root, objectsOf(repo), "two packs and loose objects");
  repo.git("repack", "-q");
  repo.git("multi-pack-index", "write");
  readsEverything(t, repo.root, objectsOf(repo), "multi-pack-index");
});

t.test("offsets beyond 2 GiB are found in the table of 64-bit offsets", async (t) => {
  const repo = historyRepo(t, 3);
  repo.git("gc", "-q");
  const directory = join(objectsOf(repo), "pack");
  const pack = readdirSync(directory).find((name) => name.endsWith(".pack")) ?? "";
  rmSync(join(directory, pack.replace(/pack$/, "idx")));
  // From this offset on git writes large offsets, whatever the size of the pack.
  git(directory, "index-pack", "--index-version=2,0x40", pack);
  readsEverything(t, repo.root, objectsOf(repo), "large offsets in the pack index");
  repo.git("multi-pack-index", "write");
  readsEverything(t, repo.root, objectsOf(repo), "multi-pack-index over it");
});

t.test("objects of alternates are found, and those of alternates of alternates", async (t) => {
  const repo = historyRepo(t, 4);
  const dir = tempDir(t);
  git(dir, "clone", "-q", "--shared", repo.root, "first");
  git(dir, "clone", "-q", "--shared", "first", "second");
  readsEverything(t, join(dir, "second"), join(dir, "second/.git/objects"), "alternates");
  const relative = "../../../first/.git/objects";
  writeFileSync(join(dir, "second/.git/objects/info/alternates"), `# comment\n${relative}\n`);
  readsEverything(t, join(dir, "second"), join(dir, "second/.git/objects"), "a relative alternate");
});

t.test("a repack while objects are read is followed", async (t) => {
  const repo = historyRepo(t);
  const repository = openRepository(repo.root);
  const blob = repo.git("rev-parse", "HEAD:long");
  const old = repo.git("rev-parse", "HEAD~5:long");
  const expected = repo.git("cat-file", "blob", blob);
  const read = async (oid: string): Promise<string> =>
    Buffer.from(repository.readBlob(oid)).toString().replace(/\n$/, "");
  t.equal(await read(blob), expected);
  for (const step of ["gc", "repack -ad", "repack -adf --depth=3"]) {
    repo.git(...step.split(" "), "-q");
    t.equal(await read(blob), expected, step);
    t.equal(await read(old), repo.git("cat-file", "blob", old), step);
  }
});

t.test("a damaged pack is an error for its objects, and names the file", async (t) => {
  const repo = historyRepo(t);
  const kept = repo.git("rev-parse", "HEAD:dir/file0");
  const blob = repo.git("rev-parse", "HEAD:long");
  repo.git("gc", "-q");
  const directory = join(objectsOf(repo), "pack");
  const pack = join(directory, readdirSync(directory).find((name) => name.endsWith(".pack")) ?? "");
  const bytes = readFileSync(pack);
  repo.write("new", "not in the pack\n");
  const loose = repo.git("hash-object", "-w", "new");

  renameSync(pack, `${pack}.aside`);
  writeFileSync(pack, bytes.subarray(0, 200));
  const truncated = openRepository(repo.root);
  t.throws(() => truncated.readBlob(blob), { code: "TW_CORRUPT_REPOSITORY", message: pack });
  t.equal(Buffer.from(truncated.readBlob(loose)).toString(), "not in the pack\n", "the rest is served");

  writeFileSync(pack, "no pack at all");
  const replaced = openRepository(repo.root);
  t.throws(() => replaced.readBlob(kept), { code: "TW_CORRUPT_REPOSITORY", message: pack });

  mkdirSync(join(objectsOf(repo), blob.slice(0, 2)), { recursive: true });
  renameSync(`${pack}.aside`, pack);
  const unpacked = new ObjectStore(objectsOf(repo), SHA1).read(blob).content;
  rmSync(pack); // git makes it for reading only
  writeFileSync(pack, "no pack at all");
  repo.write("copy", unpacked);
  repo.git("hash-object", "-w", "copy");
  const healed = openRepository(repo.root);
  t.ok(Buffer.from(healed.readBlob(blob)).equals(unpacked), "a loose copy of a damaged object serves");
});

t.test("an object that is missing is named", async (t) => {
  const repo = createRepo(t, { file: "1\n" });
  const repository = openRepository(repo.root);
  const missing = "1234567890".repeat(4);
  t.throws(() => repository.readBlob(missing), { code: "TW_CORRUPT_REPOSITORY", message: missing });
  t.throws(() => repository.readBlob(repo.git("rev-parse", "HEAD")), { message: /a commit where a blob should be/ });
  t.equal(repository.blobSize(repo.git("rev-parse", "HEAD:file")), 2);
});
