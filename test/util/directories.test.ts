import { mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { makeDirectories, makeDirectoriesSync } from "../../src/util/index.js";
import { tempDir } from "../support/temp.js";

const each = {
  makeDirectories,
  makeDirectoriesSync: async (path: string, mode?: number) => makeDirectoriesSync(path, mode),
};

for (const [name, make] of Object.entries(each)) {
  t.test(`${name} makes a directory and those above it, with their mode`, async (t) => {
    const dir = tempDir(t);
    await make(join(dir, "a", "b"), 0o700);
    t.same(
      [join(dir, "a"), join(dir, "a", "b")].map((path) => statSync(path).mode & 0o777),
      [0o700, 0o700],
    );
    await make(join(dir, "a", "b"), 0o777);
    t.equal(statSync(join(dir, "a", "b")).mode & 0o777, 0o700, "one that is there stays as it is");
    symlinkSync("a", join(dir, "link"));
    await make(join(dir, "link", "c"));
    t.ok(statSync(join(dir, "a", "c")).isDirectory(), "a link to a directory is one");
  });

  t.test(`${name} fails where nothing can be made`, async (t) => {
    const dir = tempDir(t);
    writeFileSync(join(dir, "file"), "");
    symlinkSync("/nowhere/at/all", join(dir, "dangling"));
    mkdirSync(join(dir, "loop"));
    symlinkSync("b", join(dir, "loop", "a"));
    symlinkSync("a", join(dir, "loop", "b"));
    const codeAt = (path: string) =>
      make(path).then(
        () => "made",
        ({ code }) => code,
      );
    t.equal(await codeAt("/proc/nope"), "ENOENT");
    t.equal(await codeAt("/proc/nope/a/b"), "ENOENT");
    t.equal(await codeAt(join(dir, "file")), "EEXIST");
    t.equal(await codeAt(join(dir, "file", "a")), "EEXIST");
    t.equal(await codeAt(join(dir, "dangling")), "EEXIST");
    t.equal(await codeAt(join(dir, "dangling", "a")), "EEXIST");
    t.equal(await codeAt(join(dir, "loop", "a", "c")), "EEXIST");
  });
}

t.test("makeDirectories says whether the directory is new", async (t) => {
  const path = join(tempDir(t), "a", "b");
  t.equal(await makeDirectories(path), true);
  t.equal(await makeDirectories(path), false);
});
