import t from "tap";
import { filePatch, submoduleContent, unmergedLine } from "../../src/diff/index.js";
import { createRepo, expectedOf } from "../support/repo.js";
import { blobOid, FILE, SUBMODULE, sideOf } from "./trees.js";

const latin1 = (...parts: Uint8Array[]) => Buffer.concat(parts).toString("latin1");

t.test("a submodule's patch says which commit, and whether it is dirty", async (t) => {
  const repo = createRepo(t, { file: "x\n" });
  const inner = createRepo(t, { a: "1\n" }, `${repo.root}/module`);
  repo.git("-c", "advice.addEmbeddedRepo=false", "add", "module");
  repo.git("commit", "-q", "-m", "with a module");
  const oid = inner.git("rev-parse", "HEAD");
  const side = (commit: string, dirty: boolean) => ({
    path: "module",
    mode: SUBMODULE,
    oid: commit,
    content: () => submoduleContent(commit, dirty),
  });
  const expected = () => latin1(expectedOf(repo.root).unified_diff);

  inner.write("a", "2\n");
  t.equal(latin1(filePatch(side(oid, false), side(oid, true)).bytes), expected(), "dirty");
  inner.commit("second");
  const moved = inner.git("rev-parse", "HEAD");
  t.equal(latin1(filePatch(side(oid, false), side(moved, false)).bytes), expected(), "another commit");
  inner.write("a", "3\n");
  t.equal(latin1(filePatch(side(oid, false), side(moved, true)).bytes), expected(), "another commit, and dirty");
});

t.test("an unmerged path is compared with HEAD like any other; the index alone has a line for it", async (t) => {
  const names = ["plain", "with space", "\xc3\xa9"].map((name) => Buffer.from(name, "latin1").toString());
  const all = (content: string) => Object.fromEntries(names.map((name) => [name, content]));
  const repo = createRepo(t, all("base\n"));
  repo.git("checkout", "-q", "-b", "other");
  for (const name of names) repo.write(name, "theirs\n");
  repo.commit();
  repo.git("checkout", "-q", "main");
  for (const name of names) repo.write(name, "ours\n");
  repo.commit();
  t.throws(() => repo.git("merge", "-q", "other"), "they clash");
  for (const name of names) repo.write(name, "merged\n");

  const content = (text: string) => ({ mode: FILE, content: Buffer.from(text) });
  const paths = names.map((name) => Buffer.from(name).toString("latin1"));
  const patches = paths.map(
    (path) => filePatch(sideOf(path, content("ours\n")), sideOf(path, content("merged\n"))).bytes,
  );
  t.equal(latin1(...patches), latin1(expectedOf(repo.root).unified_diff));
  const cached = Buffer.from(`${repo.git("diff", "--cached", "HEAD")}\n`);
  t.equal(latin1(...paths.map(unmergedLine)), latin1(cached));
});

t.test("sides that are the same have no patch, and are not read", async (t) => {
  const unread = () => {
    throw new Error("read");
  };
  const side = { path: "a", mode: FILE, oid: blobOid(Buffer.from("a")), content: unread };
  t.equal(filePatch(side, side).bytes.length, 0);
  t.equal(filePatch(null, null).bytes.length, 0);
  const patch = filePatch(side, { ...side, path: "b" }, { similarity: 100 });
  t.match(latin1(patch.bytes), /^rename to b$/m, "a rename is one all the same");
});

t.test("attributes and size decide before the content does", async (t) => {
  const text = sideOf("a", { mode: FILE, content: Buffer.from("a\n") });
  const nul = sideOf("a", { mode: FILE, content: Buffer.from("\0\n") });
  const lastLine = (...sides: Parameters<typeof filePatch>) =>
    latin1(filePatch(...sides).bytes)
      .split("\n")
      .at(-2);
  t.equal(lastLine(text, nul), "Binary files a/a and b/a differ");
  t.equal(lastLine(text, { ...nul, binary: false }), "+\0");
  t.equal(lastLine({ ...text, binary: true }, null), "Binary files a/a and /dev/null differ");
  t.ok(filePatch(text, nul).binary);
  t.notOk(filePatch(text, { ...nul, binary: false }).binary);
});
