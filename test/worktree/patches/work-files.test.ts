import { lstatSync, mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { type CleanFile, WorkFileChangedError } from "../../../src/git/index.js";
import { type Stamp, stampOf } from "../../../src/worktree/file-stamp.js";
import { FileChangedError, WorkFiles } from "../../../src/worktree/patches/work-files.js";
import { type Cleanup, tempDir } from "../../support/temp.js";

/** A repository in which a file's text is its object id, so that versions can be told apart. */
class FakeRepository {
  readonly root: string;
  cleaned: string[] = [];
  /** Runs while a file is read. */
  meanwhile: () => void = () => {};

  constructor(t: Cleanup) {
    this.root = tempDir(t);
  }

  write(path: string, text: string): void {
    writeFileSync(join(this.root, path), text);
    utimesSync(join(this.root, path), 1_700_000_000, 1_700_000_000);
  }

  /** A look at the file so late that it proves what it saw. */
  look(path: string): Stamp {
    return stampOf(lstatSync(join(this.root, path)), Date.now() + 60_000);
  }

  async clean(path: string, stats: { size: number }): Promise<CleanFile> {
    this.cleaned.push(path);
    this.meanwhile();
    if (statSync(join(this.root, path)).isDirectory()) throw new WorkFileChangedError(path);
    const content = readFileSync(join(this.root, path));
    if (content.length !== stats.size) throw new WorkFileChangedError(path);
    const sizes = { size: content.length, contentSize: content.length };
    return { mode: 0o100644, oid: content.toString(), content: () => content, ...sizes, converts: false, large: false };
  }
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

t.test("the content of the pass comes from one reading, and is read again after it", async (t) => {
  const repository = new FakeRepository(t);
  const files = new WorkFiles(repository);
  repository.write("f", "one");
  t.equal((await files.read("f", repository.look("f"), undefined))?.oid, "one");
  t.equal(text(await files.content("f", "one", undefined)), "one");
  t.equal(repository.cleaned.length, 1);
  files.endPass();
  t.equal(text(await files.content("f", "one", undefined)), "one");
  t.equal(repository.cleaned.length, 2);
});

t.test("a file of which more is read than a pass keeps is read twice", async (t) => {
  const repository = new FakeRepository(t);
  const files = new WorkFiles(repository);
  const large = "x".repeat(3 * 2 ** 20);
  repository.write("a", large);
  repository.write("b", large);
  for (const path of ["a", "b"]) {
    await files.read(path, repository.look(path), undefined);
    await files.content(path, large, undefined);
  }
  t.strictSame(repository.cleaned, ["a", "b", "b"]);
});

t.test("a file that changes while it is read is another file", async (t) => {
  const repository = new FakeRepository(t);
  const files = new WorkFiles(repository);
  repository.write("f", "one");
  repository.meanwhile = () => repository.write("f", "longer");
  await t.rejects(files.read("f", repository.look("f"), undefined), FileChangedError);
  t.equal(files.known("f"), undefined);
  repository.meanwhile = () => {};
  t.equal((await files.read("f", repository.look("f"), undefined))?.oid, "longer");
});

t.test("a version that is on disk no more has no content", async (t) => {
  const repository = new FakeRepository(t);
  const files = new WorkFiles(repository);
  repository.write("f", "one");
  await files.read("f", repository.look("f"), undefined);
  files.endPass();
  repository.write("f", "two");
  await t.rejects(files.content("f", "one", undefined), new FileChangedError("f"));
  files.endPass();
  rmSync(join(repository.root, "f"));
  await t.rejects(files.content("f", "two", undefined), FileChangedError);
});

t.test("a file that goes while it is read is not there; one that has become a directory has changed", async (t) => {
  const repository = new FakeRepository(t);
  const files = new WorkFiles(repository);
  repository.write("f", "one");
  const stamp = repository.look("f");
  repository.meanwhile = () => rmSync(join(repository.root, "f"));
  t.equal(await files.read("f", stamp, undefined), undefined);
  repository.meanwhile = () => {};
  t.equal(await files.read("f", stamp, undefined), undefined, "gone before");
  mkdirSync(join(repository.root, "f"));
  await t.rejects(files.read("f", stamp, undefined), FileChangedError);
  t.equal(files.known("f"), undefined);
});

t.test("a stamp that was taken right after the write proves nothing", async (t) => {
  const repository = new FakeRepository(t);
  const files = new WorkFiles(repository);
  writeFileSync(join(repository.root, "f"), "one");
  const stats = lstatSync(join(repository.root, "f"));
  await files.read("f", stampOf(stats, stats.mtimeMs), undefined);
  await files.read("f", stampOf(stats, stats.mtimeMs), undefined);
  t.equal(repository.cleaned.length, 2, "read each time: the stamp of the reading is as young");
});

t.test("after a change of settings every file is read again", async (t) => {
  const repository = new FakeRepository(t);
  const files = new WorkFiles(repository);
  repository.write("f", "one");
  await files.read("f", repository.look("f"), undefined);
  files.forgetAll();
  t.equal(files.known("f"), undefined);
  t.equal((await files.read("f", repository.look("f"), undefined))?.oid, "one");
  t.equal(repository.cleaned.length, 2);
});
