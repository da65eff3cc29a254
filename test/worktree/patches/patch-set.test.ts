import t from "tap";
import type { FilePatch } from "../../../src/diff/index.js";
import { mergeFiles } from "../../../src/protocol/index.js";
import type { Pair } from "../../../src/worktree/patches/pairs.js";
import { keptHunkSize, type PatchBudget, PatchSet } from "../../../src/worktree/patches/patch-set.js";
import fc from "../../support/fast-check.js";

const HEADER = "header\n";

/** Prints a pair as so many bytes of hunks as its blob's name says, and counts. */
class FakePatcher {
  readonly printed: string[] = [];
  failing = "";
  /** What signatures depend on beside the pair. */
  rules = "";
  readLarge: ReadonlySet<string> = new Set();

  signature(pair: Pair): string {
    return `${pair.after?.oid} ${this.rules} ${this.readLarge.has(pair.path)}`;
  }

  async patch({ path, after }: Pair): Promise<FilePatch> {
    if (path === this.failing) throw new Error("can't be read");
    this.printed.push(path);
    const size = Number(after?.oid ?? 0);
    const bytes = Buffer.from(size === 0 ? "" : HEADER + "x".repeat(size));
    return { bytes, headerLength: size === 0 ? 0 : HEADER.length, additions: 1, deletions: 0, binary: false };
  }
}

/** A pair whose patch has hunks of so many bytes; 0: no patch at all. */
function pairOf(path: string, hunkBytes: number): Pair {
  const after = { mode: 0o100644, oid: String(hunkBytes), source: "disk" } as const;
  return { path, beforePath: path, before: undefined, after, tracked: true, similarity: undefined };
}

function failOnError(path: string, error: unknown): never {
  throw new Error(path, { cause: error });
}

function setOf(budget: PatchBudget = {}): { patcher: FakePatcher; patches: PatchSet } {
  const patcher = new FakePatcher();
  return { patcher, patches: new PatchSet(patcher, () => undefined, budget) };
}

const sizes = ({ files }: PatchSet): string[] =>
  files.map(
    ({ key, hunks, omitted_bytes }) => `${key} ${hunks.length}${omitted_bytes > 0 ? ` -${omitted_bytes}` : ""}`,
  );

t.test("tracked patches are those of just the given pairs, made once for each version", async (t) => {
  const { patcher, patches } = setOf();
  t.ok(await patches.setTracked([pairOf("a", 3), pairOf("b", 4)], failOnError));
  await patches.setUntracked(pairOf("new", 5));
  const first = await patches.commit(failOnError);
  t.strictSame([...first.keys()], ["t:a", "t:b", "u:new"]);
  t.strictSame(sizes(patches), ["t:a 3", "t:b 4", "u:new 5"]);
  const [a] = patches.files;
  await patches.setTracked([pairOf("a", 3), pairOf("c", 1)], failOnError);
  patches.deleteUntracked("new");
  t.strictSame([...(await patches.commit(failOnError)).keys()], ["t:b", "t:c", "u:new"]);
  t.strictSame(sizes(patches), ["t:a 3", "t:c 1"]);
  t.equal(patches.files[0], a, "the same object");
  t.strictSame(patcher.printed, ["a", "b", "new", "c"]);
});

t.test("a file whose patch is made anew and says the same is no change", async (t) => {
  const { patches } = setOf();
  await patches.setUntracked(pairOf("a", 3));
  await patches.commit(failOnError);
  const { files } = patches;
  await patches.setUntracked({ ...pairOf("a", 3), after: { mode: 0o100644, oid: "3.0", source: "disk" } });
  t.equal((await patches.commit(failOnError)).size, 0);
  t.equal(patches.files, files);
});

t.test("a pair without a difference has no file, but is known", async (t) => {
  const { patcher, patches } = setOf();
  for (let pass = 0; pass < 2; pass++) {
    await patches.setTracked([pairOf("a", 0)], failOnError);
    t.equal((await patches.commit(failOnError)).size, 0);
  }
  t.strictSame(patches.files, []);
  t.equal(patcher.printed.length, 1);
});

t.test("a patch that fails leaves the earlier one, and all others are made", async (t) => {
  const { patcher, patches } = setOf();
  await patches.setTracked([pairOf("a", 3), pairOf("b", 3)], failOnError);
  await patches.commit(failOnError);
  patcher.failing = "a";
  const failed: string[] = [];
  t.notOk(await patches.setTracked([pairOf("a", 7), pairOf("b", 7)], (path) => failed.push(path)));
  await patches.commit(failOnError);
  t.strictSame(failed, ["a"]);
  t.strictSame(sizes(patches), ["t:a 3", "t:b 7"]);
  patcher.failing = "";
  t.ok(await patches.setTracked([pairOf("a", 7), pairOf("b", 7)], failOnError));
  await patches.commit(failOnError);
  t.strictSame(sizes(patches), ["t:a 7", "t:b 7"]);
});

t.test("the largest hunks are left out to keep the budget, and return when there is room", async (t) => {
  const { patches } = setOf({ keptPatchBytes: 10, maxPatchBytes: 100 });
  await patches.setTracked([pairOf("a", 4), pairOf("b", 6)], failOnError);
  await patches.commit(failOnError);
  t.strictSame(sizes(patches), ["t:a 4", "t:b 6"]);
  await patches.setUntracked(pairOf("c", 5));
  t.strictSame([...(await patches.commit(failOnError)).keys()], ["t:b", "u:c"]);
  t.strictSame(sizes(patches), ["t:a 4", "t:b 0 -6", "u:c 5"]);
  patches.deleteUntracked("c");
  t.strictSame([...(await patches.commit(failOnError)).keys()], ["t:b", "u:c"]);
  t.strictSame(sizes(patches), ["t:a 4", "t:b 6"]);
});

t.test("hunks over the limit of one file are left out and counted", async (t) => {
  const { patches } = setOf({ maxPatchBytes: 5 });
  await patches.setTracked([pairOf("a", 5), pairOf("b", 6)], failOnError);
  await patches.commit(failOnError);
  t.strictSame(sizes(patches), ["t:a 5", "t:b 0 -6"]);
});

t.test("a patch that can't be made when there is room again stays left out until it can", async (t) => {
  const { patcher, patches } = setOf({ keptPatchBytes: 5, maxPatchBytes: 100 });
  await patches.setTracked([pairOf("a", 4), pairOf("b", 3)], failOnError);
  await patches.commit(failOnError);
  t.strictSame(sizes(patches), ["t:a 0 -4", "t:b 3"]);
  patcher.failing = "a";
  await patches.setTracked([pairOf("a", 4)], failOnError);
  const failed: string[] = [];
  await patches.commit((path) => failed.push(path));
  t.strictSame([failed, sizes(patches)], [["a"], ["t:a 0 -4"]]);
  patcher.failing = "";
  await patches.commit(failOnError);
  t.strictSame(sizes(patches), ["t:a 4"]);
});

t.test("without text no patch is made, and the pairs are there to be printed", async (t) => {
  const { patcher, patches } = setOf({ keepText: false });
  await patches.setTracked([pairOf("b", 3), pairOf("a", 3)], failOnError);
  await patches.commit(failOnError);
  t.strictSame(patcher.printed, []);
  t.strictSame(
    Array.from(patches.pairs(), ({ path }) => path),
    ["a", "b"],
  );
});

t.test("the same pair is printed anew when other rules count for it, and not before", async (t) => {
  const { patcher, patches } = setOf();
  const pairs = [pairOf("a", 3), pairOf("b", 4)];
  const set = async (): Promise<readonly string[]> => {
    await patches.setTracked(pairs, failOnError);
    return patcher.printed.splice(0);
  };
  t.strictSame(await set(), ["a", "b"]);
  t.strictSame(await set(), []);
  patcher.rules = "other attributes";
  patches.doubt();
  t.strictSame(await set(), ["a", "b"]);
  patcher.readLarge = new Set(["b"]);
  t.strictSame(await set(), ["b"]);
  t.strictSame(await set(), []);
});

t.test("a patch that could not be made by other rules is made when it can be", async (t) => {
  const { patcher, patches } = setOf();
  const pairs = [pairOf("a", 3), pairOf("b", 4)];
  await patches.setTracked(pairs, failOnError);
  patcher.printed.length = 0;
  patcher.rules = "other attributes";
  patcher.failing = "a";
  patches.doubt();
  t.notOk(await patches.setTracked(pairs, () => undefined));
  t.strictSame(patcher.printed, ["b"]);
  patcher.failing = "";
  t.ok(await patches.setTracked(pairs, failOnError));
  t.strictSame(patcher.printed, ["b", "a"], "which the rules of before still had");
});

t.test("the changes of a commit lead from the files before it to those after, within the budget", async (t) => {
  const step = fc.array(fc.tuple(fc.constantFrom("a", "b", "c", "d"), fc.integer({ min: 0, max: 9 })), {
    maxLength: 4,
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 6 }), fc.nat(20), async (steps, keptPatchBytes) => {
      const { patches } = setOf({ keptPatchBytes, maxPatchBytes: 8 });
      for (const step of steps) {
        const before = patches.files;
        const pairs = [...new Map(step)].sort().map(([path, size]) => pairOf(path, size));
        await patches.setTracked(pairs, failOnError);
        const changes = await patches.commit(failOnError);
        t.strictSame(mergeFiles(before, changes), patches.files);
        const shown = pairs.filter(({ after }) => after?.oid !== "0").map(({ path }) => `t:${path}`);
        t.strictSame(
          patches.files.map(({ key }) => key),
          shown,
        );
        const kept = patches.files.reduce((sum, { hunks }) => sum + hunks.length, 0);
        t.ok(kept <= keptPatchBytes);
      }
    }),
  );
});

t.test("the largest hunks are left out first, all of one size the same way", async (t) => {
  t.equal(keptHunkSize([10, 20, 30], 60, 1000), 1000, "everything fits");
  t.equal(keptHunkSize([10, 20, 30], 59, 1000), 29);
  t.equal(keptHunkSize([10, 20, 20, 5], 40, 1000), 19);
  t.equal(keptHunkSize([5000, 20], 60, 1000), 1000, "what is over the ceiling takes no room");
});

t.test("what is kept never exceeds the budget", async () => {
  fc.assert(
    fc.property(fc.array(fc.nat(100)), fc.nat(1000), (sizes, budget) => {
      const limit = keptHunkSize(sizes, budget, 1000);
      return sizes.filter((size) => size <= limit).reduce((sum, size) => sum + size, 0) <= budget;
    }),
  );
});
