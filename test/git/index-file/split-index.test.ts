import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { openRepository } from "../../../src/git/index.js";
import { parseLink } from "../../../src/git/index-file/split-index.js";
import fc from "../../support/fast-check.js";
import { createRepo, GIT_ENV } from "../../support/repo.js";
import { listed, listedByGit } from "./listed.js";

const SEED = Number(process.env.TREEWIRE_TEST_SEED ?? 20_260_102);

/** What happens to one path: it goes, or has this content; or it is unmerged. */
const change = fc.tuple(
  fc.constantFrom("a", "b", "c", "dir/a", "dir/b", "dir.x", "z", "ü"),
  fc.constantFrom("gone", "one", "two", "unmerged"),
);
const rounds = fc.array(fc.array(change, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 3 });

t.test("a split index lists what git lists, whatever was added, changed and deleted", async (t) => {
  const repo = createRepo(t, { a: "0\n", c: "0\n", "dir/a": "0\n", y: "0\n" });
  const write = (content: string): string =>
    execFileSync("git", ["-C", repo.root, "hash-object", "-w", "--stdin"], { env: GIT_ENV, input: content })
      .toString()
      .trim();
  const oids: Record<string, string> = { one: write("one"), two: write("two") };
  const line = ([path, how]: readonly [string, string]): string => {
    if (how === "gone") return `0 ${"0".repeat(40)}\t${path}\n`;
    if (how !== "unmerged") return `100644 ${oids[how]} 0\t${path}\n`;
    return [`0 ${"0".repeat(40)}`, `100644 ${oids.one} 2`, `100755 ${oids.two} 3`]
      .map((at) => `${at}\t${path}\n`)
      .join("");
  };
  let splits = 0;
  const property = fc.property(rounds, fc.constantFrom("2", "4"), (rounds, version) => {
    repo.git("read-tree", "HEAD");
    repo.git("update-index", "--index-version", version, "--split-index");
    for (const changes of rounds) {
      const args = ["-C", repo.root, "-c", "core.splitIndex=true", "update-index", "--index-info"];
      execFileSync("git", args, { env: GIT_ENV, input: changes.map(line).join("") });
    }
    splits += readdirSync(join(repo.root, ".git")).some((name) => name.startsWith("sharedindex.")) ? 1 : 0;
    const found = listed(openRepository(repo.root, GIT_ENV).index()).join("\n");
    const expected = listedByGit(repo.root).join("\n");
    repo.git("update-index", "--no-split-index");
    if (found !== expected) throw new Error(`${found}\nand git says\n${expected}`);
  });
  fc.assert(property, { numRuns: 15, seed: SEED });
  t.equal(splits, 15, `seed ${SEED}`);
});

t.test("a link names the shared index, or none", async (t) => {
  const oid = Buffer.alloc(20, 0xab);
  t.equal(parseLink(Buffer.alloc(20), 20, "index"), undefined);
  t.same(parseLink(oid, 20, "index"), { shared: oid.toString("hex"), deleted: [], replaced: [] });
  for (const bytes of [oid.subarray(1), Buffer.concat([oid, Buffer.alloc(7)])]) {
    t.throws(() => parseLink(bytes, 20, "index"), { code: "TW_CORRUPT_REPOSITORY", message: /^index.*link/ });
  }
});
