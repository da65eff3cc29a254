import { closeSync, ftruncateSync, openSync, truncateSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { MAX_SETTLING, SettlingFiles } from "../../../src/worktree/follow/settling-files.js";
import { FakeClock } from "../../support/fake-clock.js";
import { follow, textOf, untilRight } from "../../support/followed.js";
import { mapFile, NO_MAPPINGS } from "../../support/mapping.js";
import { createRepo } from "../../support/repo.js";
import { until } from "../../support/until.js";

function settling(): { clock: FakeClock; files: SettlingFiles; looks: [number, string][] } {
  const clock = new FakeClock();
  const looks: [number, string][] = [];
  const files = new SettlingFiles({ clock, look: (path) => looks.push([clock.monotonicMs(), path]) });
  return { clock, files, looks };
}

t.test("a file is looked at again after 1 s and after 10 s, and then left alone", async (t) => {
  const { clock, files, looks } = settling();
  files.add("a");
  await clock.advance(500);
  files.add("b");
  await clock.advance(60_000);
  t.same(looks, [
    [1000, "a"],
    [1500, "b"],
    [10_000, "a"],
    [10_500, "b"],
  ]);
  t.equal(clock.waiting, 0);
});

t.test("one that changes again is looked at as long after that", async (t) => {
  const { clock, files, looks } = settling();
  files.add("a");
  await clock.advance(5000);
  files.add("a");
  await clock.advance(60_000);
  t.same(looks, [
    [1000, "a"],
    [6000, "a"],
    [15_000, "a"],
  ]);
});

t.test("of too many the newest are looked at", async (t) => {
  const { clock, files, looks } = settling();
  for (let at = 0; at <= MAX_SETTLING; at++) files.add(String(at));
  await clock.advance(1000);
  t.equal(looks.length, MAX_SETTLING);
  t.same(looks[0], [1000, "1"]);
});

t.test("when it is closed it looks at nothing", async (t) => {
  const { clock, files, looks } = settling();
  files.add("a");
  files.close();
  await clock.advance(60_000);
  t.same(looks, []);
});

t.test("a file that is given its size, and then filled through a shared mapping", { skip: NO_MAPPINGS }, async (t) => {
  for (const tracked of [false, true]) {
    const repo = createRepo(t, { a: "a\n", mapped: "before\n" });
    const path = join(repo.root, tracked ? "mapped" : "new");
    const clock = new FakeClock();
    const followed = await follow(t, repo, { clock });
    if (tracked) truncateSync(path);
    const file = openSync(path, "a");
    ftruncateSync(file, 3 * 4096);
    closeSync(file);
    await untilRight(followed, repo, { clock });
    const nuls = textOf(followed.tracker.state);
    t.match(nuls, /Binary files/);
    const mapped = await mapFile(t, path);
    await mapped.write(0, "first");
    await mapped.write(6000, "second");
    t.equal(textOf(followed.tracker.state), nuls, "no event tells of it");
    await untilRight(followed, repo, { clock, allowedMs: 1100 });
    await mapped.write(9000, "third"); // in a page that nobody has written to so far, so the file's time moves
    await untilRight(followed, repo, { clock, allowedMs: 10_100 });
    t.not(textOf(followed.tracker.state), nuls);
  }
});

t.test("what is mapped in a directory that was made with it", { skip: NO_MAPPINGS }, async (t) => {
  const repo = createRepo(t, { a: "a\n" });
  const clock = new FakeClock();
  const followed = await follow(t, repo, { clock });
  repo.write("made/deep/mapped", Buffer.alloc(8192));
  await untilRight(followed, repo, { clock });
  const mapped = await mapFile(t, join(repo.root, "made/deep/mapped"));
  await mapped.write(100, "text");
  await untilRight(followed, repo, { clock, allowedMs: 1100 });
});

t.test("a file that was written a second ago and has not moved is not told again", async (t) => {
  const repo = createRepo(t, { a: "a\n" });
  const clock = new FakeClock();
  const followed = await follow(t, repo, { clock });
  repo.write("a", "b\n");
  await untilRight(followed, repo, { clock });
  const told = followed.states.length;
  await until("the looks", async () => {
    await clock.advance(500);
    return clock.waiting === 0;
  });
  t.equal(followed.states.length, told);
});
