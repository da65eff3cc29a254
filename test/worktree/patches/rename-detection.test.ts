import t from "tap";
import type { Change, Version } from "../../../src/worktree/patches/changes.js";
import { RenameDetection } from "../../../src/worktree/patches/rename-detection.js";
import { FileChangedError } from "../../../src/worktree/patches/work-files.js";

const LINES = Array.from({ length: 40 }, (_, at) => `line ${at}\n`);
const TEXT = LINES.join("");
const EDITED = TEXT.replace("line 7\n", "another line\n");

/** Versions whose object id is their text. */
class FakeContent {
  readonly reads: string[] = [];
  largeOver = Number.POSITIVE_INFINITY;
  changed = "";

  async read(path: string, { oid }: Version): Promise<Uint8Array> {
    this.reads.push(path);
    if (path === this.changed) throw new FileChangedError(path);
    return Buffer.from(oid);
  }

  sizeOf(_path: string, { oid }: Version): number {
    return oid.length;
  }

  isLarge(_path: string, { oid }: Version): boolean {
    return oid.length > this.largeOver;
  }

  isTooLarge(): boolean {
    return false;
  }
}

const settings = { attributes: () => ({}), bigFileThresholdBytes: 512 * 2 ** 20, renameLimit: undefined };
const version = (oid: string): Version => ({ mode: 0o100644, oid, source: "object" });
const deleted = (path: string, oid: string): Change => ({ path, before: version(oid), after: undefined });
const added = (path: string, oid: string): Change => ({ path, before: undefined, after: version(oid) });
const changed = (path: string): Change => ({ path, before: version("a"), after: version("b") });

t.test("a deletion and an addition that are alike are one pair, where the new path stands", async (t) => {
  const content = new FakeContent();
  const detection = new RenameDetection(settings, content);
  const pairs = await detection.pair([deleted("a", TEXT), changed("m"), added("z", EDITED)]);
  t.strictSame(
    pairs.map(({ beforePath, path, similarity }) => [beforePath, path, similarity !== undefined]),
    [
      ["m", "m", false],
      ["a", "z", true],
    ],
  );
  t.equal(pairs[1]?.before?.oid, TEXT);
});

t.test("equal files are found by their object alone, and nothing is read", async (t) => {
  const content = new FakeContent();
  const [pair, ...others] = await new RenameDetection(settings, content).pair([deleted("a", TEXT), added("z", TEXT)]);
  t.strictSame([pair?.beforePath, pair?.path, pair?.similarity, others], ["a", "z", 100, []]);
  t.strictSame(content.reads, []);
});

t.test("files of which one is more than twice as large as the other are not read", async (t) => {
  const content = new FakeContent();
  const changes = [deleted("a", TEXT), added("b", "short\n"), added("z", EDITED)];
  const pairs = await new RenameDetection(settings, content).pair(changes);
  t.strictSame(content.reads.sort(), ["a", "z"]);
  t.strictSame(
    pairs.map(({ path }) => path),
    ["b", "z"],
  );
});

t.test("without deletions or without additions there is nothing to find", async (t) => {
  const content = new FakeContent();
  const pairs = await new RenameDetection(settings, content).pair([added("y", TEXT), added("z", EDITED)]);
  t.strictSame(
    pairs.map(({ path, similarity }) => [path, similarity]),
    [
      ["y", undefined],
      ["z", undefined],
    ],
  );
  t.strictSame(content.reads, []);
});

t.test("the same deletions and additions are not compared again, others are", async (t) => {
  const content = new FakeContent();
  const detection = new RenameDetection(settings, content);
  await detection.pair([deleted("a", TEXT), added("z", EDITED)]);
  await detection.pair([deleted("a", TEXT), changed("m"), added("z", EDITED)]);
  t.equal(content.reads.length, 2);
  await detection.pair([deleted("a", TEXT), added("z", `${EDITED}more\n`)]);
  t.equal(content.reads.length, 4);
});

t.test("files over core.bigFileThreshold that were read are named", async (t) => {
  const content = new FakeContent();
  content.largeOver = TEXT.length;
  const detection = new RenameDetection(settings, content);
  await detection.pair([deleted("a", TEXT), added("z", EDITED)]);
  t.strictSame([...detection.readLarge], ["z"]);
});

t.test("a file that changes while it is compared ends the search, and the next one begins anew", async (t) => {
  const content = new FakeContent();
  const detection = new RenameDetection(settings, content);
  content.changed = "z";
  await t.rejects(detection.pair([deleted("a", TEXT), added("z", EDITED)]), FileChangedError);
  content.changed = "";
  t.equal((await detection.pair([deleted("a", TEXT), added("z", EDITED)])).length, 1);
});
