import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { PackIndex } from "../../../src/git/objects/pack-index.js";
import { createRepo, GIT_ENV, git } from "../../support/repo.js";
import { tempDir } from "../../support/temp.js";
import { importBlobs } from "./import-blobs.js";

/** Makes one pack of 300 blobs. @returns its path */
function packIn(root: string): string {
  importBlobs(
    root,
    Array.from({ length: 300 }, (_, at) => `${at}\n`),
  );
  const directory = join(root, ".git/objects/pack");
  return join(directory, readdirSync(directory).find((name) => name.endsWith(".pack")) ?? "");
}

const repo = createRepo(t);
const pack = packIn(repo.root);

/** Id and offset of each object, as `git show-index` prints them. */
function listedByGit(dir: string, index: string, format: string): [oid: string, offset: number][] {
  const args = ["-C", dir, "show-index", `--object-format=${format}`];
  const lines = execFileSync("git", args, { env: GIT_ENV, input: readFileSync(index) })
    .toString()
    .trim()
    .split("\n");
  return lines.map((line) => [line.split(" ")[1] ?? "", Number(line.split(" ")[0])]);
}

for (const [what, args] of Object.entries({
  "of version 1": ["--index-version=1"],
  "of version 2": ["--index-version=2"],
  // From this offset on git writes 64-bit offsets, whatever the size of the pack.
  "with 64-bit offsets": ["--index-version=2,0x100"],
})) {
  t.test(`a pack index ${what} has the offsets that git reads in it`, async (t) => {
    const path = join(tempDir(t), "pack.idx");
    git(repo.root, "index-pack", ...args, "-o", path, pack);
    const index = new PackIndex(path, 20);
    const listed = listedByGit(repo.root, path, "sha1");
    t.equal(index.count, listed.length);
    t.ok(listed.length === 300);
    t.same(
      listed.filter(([oid, offset]) => index.offset(Buffer.from(oid, "hex")) !== offset),
      [],
    );
    t.equal(index.offset(Buffer.alloc(20, 0xab)), undefined, "an object that the pack lacks");
    index.close();
  });
}

t.test("a pack index of SHA-256 ids has the offsets that git reads in it", async (t) => {
  const root = tempDir(t);
  git(root, "init", "-q", "--object-format=sha256");
  const path = packIn(root).replace(/pack$/, "idx");
  const index = new PackIndex(path, 32);
  for (const [oid, offset] of listedByGit(root, path, "sha256")) {
    if (index.offset(Buffer.from(oid, "hex")) !== offset) t.fail(oid);
  }
  t.ok(index.count === 300);
  index.close();
});

t.test("a damaged pack index is refused, naming the file", async (t) => {
  const whole = readFileSync(pack.replace(/pack$/, "idx"));
  const path = join(tempDir(t), "pack.idx");
  const version = Buffer.from(whole);
  version.writeUInt32BE(3, 4);
  for (const bytes of [whole.subarray(0, 4), whole.subarray(0, 1000), whole.subarray(0, 3000), version]) {
    rmSync(path, { force: true });
    writeFileSync(path, bytes);
    t.throws(() => new PackIndex(path, 20), { code: "TW_CORRUPT_REPOSITORY", message: path });
  }
});
