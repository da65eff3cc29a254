import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import t from "tap";
import { looseObjectSize, readLooseObject } from "../../../src/git/objects/loose-object.js";
import { createRepo } from "../../support/repo.js";

const repo = createRepo(t, { empty: "", small: "1\n", large: "line\n".repeat(100_000) });
const directory = join(repo.root, ".git/objects");

t.test("a loose object has the type, size and content that `git cat-file` gives", async (t) => {
  for (const name of ["HEAD", "HEAD^{tree}", "HEAD:empty", "HEAD:small", "HEAD:large"]) {
    const oid = repo.git("rev-parse", name);
    const object = readLooseObject(directory, oid);
    t.equal(object?.type, repo.git("cat-file", "-t", oid), name);
    t.equal(String(object?.content.length), repo.git("cat-file", "-s", oid), name);
    t.equal(looseObjectSize(directory, oid), object?.content.length, name);
  }
  const large = readLooseObject(directory, repo.git("rev-parse", "HEAD:large"));
  t.equal(large?.content.toString(), readFileSync(join(repo.root, "large"), "utf8"));
  t.equal(readLooseObject(directory, "ab".repeat(20)), undefined);
  t.equal(looseObjectSize(directory, "ab".repeat(20)), undefined);
});

t.test("a damaged loose object is refused, naming the file", async (t) => {
  const oid = repo.git("rev-parse", "HEAD:small");
  const path = join(directory, oid.slice(0, 2), oid.slice(2));
  chmodSync(path, 0o644);
  const whole = readFileSync(path);
  const damage = { code: "TW_CORRUPT_REPOSITORY", message: path };
  for (const bytes of ["", "no zlib", whole.subarray(0, -6), deflateSync("blob 3\0ab"), deflateSync("lump 2\0ab")]) {
    writeFileSync(path, bytes);
    t.throws(() => readLooseObject(directory, oid), damage);
  }
  t.throws(() => looseObjectSize(directory, oid), damage);
});
