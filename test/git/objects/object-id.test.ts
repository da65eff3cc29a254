import { execFileSync } from "node:child_process";
import t from "tap";
import { hashBlob, hashObject, isOid, SHA1, SHA256, startBlobHash } from "../../../src/git/objects/object-id.js";
import fc from "../../support/fast-check.js";
import { GIT_ENV, git } from "../../support/repo.js";
import { tempDir } from "../../support/temp.js";

const SEED = Number(process.env.TREEWIRE_TEST_SEED ?? 20_260_102);

for (const format of [SHA1, SHA256]) {
  t.test(`object ids of ${format.name} are those of \`git hash-object\``, async (t) => {
    const root = tempDir(t);
    git(root, "init", "-q", `--object-format=${format.name}`);
    const byGit = (type: string, input: Uint8Array): string => {
      const args = ["-C", root, "hash-object", "--literally", "-t", type, "--stdin"];
      return execFileSync("git", args, { env: GIT_ENV, input }).toString().trim();
    };
    const short = fc.uint8Array({ maxLength: 300 });
    const around = fc.integer({ min: 2040, max: 2056 }).map((length) => new Uint8Array(length).fill(length)); // hashed otherwise
    for (const content of fc.sample(fc.oneof(short, around), { numRuns: 30, seed: SEED })) {
      const oid = hashBlob(content, format);
      t.equal(oid, byGit("blob", content), `seed ${SEED}`);
      t.equal(startBlobHash(content.length, format).update(content).digest("hex"), oid);
      t.ok(isOid(oid, format));
    }
    t.equal(format.emptyBlob, byGit("blob", Buffer.alloc(0)));
    t.equal(format.emptyTree, byGit("tree", Buffer.alloc(0)));
    t.equal(hashObject("tree", Buffer.alloc(0), format), format.emptyTree);
    const upper = format.emptyTree.toUpperCase();
    for (const text of ["", format.emptyTree.slice(1), `${format.emptyTree}0`, upper])
      t.notOk(isOid(text, format), text);
  });
}
