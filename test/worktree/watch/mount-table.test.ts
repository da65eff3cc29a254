import t from "tap";
import { areNested, isAtOrBelow, MOUNTS_READ_EVERY_MS, MountTable } from "../../../src/worktree/watch/mount-table.js";
import { FakeClock } from "../../support/fake-clock.js";

/** A table whose lines the test sets. */
function table(): { clock: FakeClock; mounts: MountTable; lines: string[]; reads: () => number } {
  const clock = new FakeClock();
  const lines: string[] = [];
  let reads = 0;
  const mounts = new MountTable(clock, () => {
    reads += 1;
    return Buffer.from(lines.join(""), "latin1");
  });
  return { clock, mounts, lines, reads: () => reads };
}

const line = (id: number, point: string): string => `${id} 1 0:${id} / ${point} rw,relatime shared:1 - tmpfs none rw\n`;

t.test("what is mounted, unmounted and mounted over is told to everybody who follows", async (t) => {
  const { clock, mounts, lines } = table();
  lines.push(line(1, "/"), line(2, "/a\\040b"));
  const told: string[][] = [];
  const leave = mounts.follow((points) => told.push(["one", ...points]));
  mounts.follow((points) => told.push(["two", ...points]));
  t.same([...mounts.points], ["/", "/a b"]);
  await clock.advance(4 * MOUNTS_READ_EVERY_MS);
  t.same(told, [], "nothing has changed");
  lines.push(line(3, "/w/m"));
  await clock.advance(MOUNTS_READ_EVERY_MS);
  lines.push(line(4, "/w/m"));
  await clock.advance(MOUNTS_READ_EVERY_MS);
  leave();
  lines.splice(1, 1);
  await clock.advance(MOUNTS_READ_EVERY_MS);
  t.same(told, [
    ["one", "/w/m"],
    ["two", "/w/m"],
    ["one", "/w/m"],
    ["two", "/w/m"],
    ["two", "/a b"],
  ]);
});

t.test("one timer reads for all, and none when nobody follows", async (t) => {
  const { clock, mounts, reads } = table();
  const leaves = [mounts.follow(() => {}), mounts.follow(() => {})];
  const before = reads();
  await clock.advance(10 * MOUNTS_READ_EVERY_MS);
  t.equal(reads() - before, 10);
  for (const leave of leaves) leave();
  t.equal(clock.waiting, 0);
  mounts.follow(() => {});
  t.equal(clock.waiting, 1, "it begins again");
});

t.test("where there is no table nothing is told", async (t) => {
  const clock = new FakeClock();
  const mounts = new MountTable(clock, () => {
    throw Object.assign(new Error("no such file"), { code: "ENOENT", errno: -2, syscall: "open" });
  });
  mounts.follow(() => t.fail("nothing to tell"));
  t.strictSame([clock.waiting, mounts.points.size], [0, 0]);
});

t.test("paths that are above or below each other", async (t) => {
  t.ok(isAtOrBelow("/a/b", "/a"));
  t.ok(isAtOrBelow("/a", "/a"));
  t.ok(isAtOrBelow("/a", "/"));
  t.notOk(isAtOrBelow("/ab", "/a"));
  t.ok(areNested("/a", "/a/b"));
  t.notOk(areNested("/a/b", "/a/c"));
});
