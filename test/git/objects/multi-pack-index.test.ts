import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { MultiPackIndex } from "../../../src/git/objects/multi-pack-index.js";
import { createRepo, GIT_ENV } from "../../support/repo.js";
import { importBlobs } from "./import-blobs.js";

/** A repository with four packs and a multi-pack-index over them. @returns the directory of the packs */
function packsOf(t: Test): string {
  const repo = createRepo(t);
  for (let round = 0; round < 4; round += 1) {
    importBlobs(
      repo.root,
      Array.from({ length: 40 }, (_, at) => `${round} ${at}\n`),
    );
  }
  repo.git("multi-pack-index", "write");
  return join(repo.root, ".git/objects/pack");
}

t.test("each object is found where the index of its pack has it", async (t) => {
  const directory = packsOf(t);
  const multi = new MultiPackIndex(join(directory, "multi-pack-index"), 20);
  const indexes = readdirSync(directory).filter((name) => name.endsWith(".idx"));
  t.same([...multi.packNames].sort(), indexes.map((name) => name.replace(/idx$/, "pack")).sort());
  let objects = 0;
  for (const name of indexes) {
    const listed = execFileSync("git", ["show-index"], { env: GIT_ENV, input: readFileSync(join(directory, name)) });
    for (const line of listed.toString().trim().split("\n")) {
      const [offset, oid = ""] = line.split(" ");
      const found = multi.find(Buffer.from(oid, "hex"));
      const pack = multi.packNames[found?.pack ?? -1];
      if (pack !== name.replace(/idx$/, "pack") || found?.offset !== Number(offset)) t.fail(`${name}: ${line}`);
      objects += 1;
    }
  }
  t.ok(objects === 160);
  t.equal(multi.find(Buffer.alloc(20, 0xab)), undefined, "an object that no pack has");
  multi.close();
});

t.test("a damaged multi-pack-index is refused, naming the file", async (t) => {
  const path = join(packsOf(t), "multi-pack-index");
  const whole = readFileSync(path);
  const chunk = Buffer.from(whole);
  chunk.write("XXXX", 12, "latin1");
  const names = Buffer.from(whole);
  names.write("/", whole.indexOf("pack-"), "latin1");
  for (const bytes of [whole.subarray(0, 8), whole.subarray(0, 60), whole.subarray(0, 1200), chunk, names]) {
    rmSync(path);
    writeFileSync(path, bytes);
    t.throws(() => new MultiPackIndex(path, 20), { code: "TW_CORRUPT_REPOSITORY", message: path });
  }
});
