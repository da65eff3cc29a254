import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { bytesOfText } from "../../../src/git/index.js";
import { EventQueue } from "../../../src/worktree/watch/event-queue.js";
import { NameWatches, type WatchFunction } from "../../../src/worktree/watch/name-watches.js";
import { ResolutionWatch } from "../../../src/worktree/watch/resolution-watch.js";
import { type Cleanup, tempDir } from "../../support/temp.js";
import { until } from "../../support/until.js";

interface Watched {
  dir: string;
  names: NameWatches;
  /** Watches these paths below the directory, which begin with their part and a colon. */
  place: (...paths: string[]) => Set<string>;
  /** What was said to have changed, as "part name". */
  changes: Set<string>;
  watch: ResolutionWatch<string>;
}

function watched(t: Cleanup, names = new NameWatches()): Watched {
  const dir = tempDir(t);
  const changes = new Set<string>();
  const watch = new ResolutionWatch<string>({
    names,
    onChange: (part, { path }) => changes.add(`${part} ${path.slice(dir.length + 1)}`),
    onOverflow: () => changes.add("overflow"),
  });
  t.teardown(() => watch.close());
  const place = (...paths: string[]): Set<string> =>
    watch.place(() => new Map(paths.map((path) => [bytesOfText(join(dir, path.slice(2))), path.slice(0, 1)] as const)));
  return { dir, names, place, changes, watch };
}

/** Replaces a file as git does. */
function replace(path: string, content: string): void {
  writeFileSync(`${path}.lock`, content);
  renameSync(`${path}.lock`, path);
}

t.test("a file that is replaced by a rename is said to have changed, others beside it are not", async (t) => {
  const { dir, place, changes } = watched(t);
  place("h:HEAD", "i:index");
  writeFileSync(join(dir, "COMMIT_EDITMSG"), "1");
  replace(join(dir, "HEAD"), "ref: refs/heads/main");
  replace(join(dir, "index"), "DIRC");
  await until("both", () => changes.has("h HEAD") && changes.has("i index"), { seen: () => [...changes] });
  t.equal(changes.size, 2);
});

t.test("a file whose directories are not there yet counts from the first missing name on", async (t) => {
  const { dir, place, changes } = watched(t);
  place("h:refs/heads/main");
  mkdirSync(join(dir, "refs/heads"), { recursive: true });
  await until("the first directory", () => changes.has("h refs"));
  place("h:refs/heads/main");
  replace(join(dir, "refs/heads/main"), "1");
  await until("the branch", () => changes.has("h refs/heads/main"), { seen: () => [...changes] });
  t.pass("found");
});

t.test("files of several parts below one directory that is not there yet all count when it comes", async (t) => {
  const { dir, place, changes } = watched(t);
  place("i:info/exclude", "a:info/attributes");
  mkdirSync(join(dir, "info"));
  writeFileSync(join(dir, "info/exclude"), "*.log\n");
  await until("both", () => changes.size === 2, { seen: () => [...changes] });
  t.strictSame([...changes].sort(), ["a info", "i info"]);
});

t.test("of a directory with a slash behind it every name counts, of another one none", async (t) => {
  const { dir, place, changes } = watched(t);
  for (const name of ["reftable", "objects"]) mkdirSync(join(dir, name));
  place("h:reftable/", "o:objects");
  writeFileSync(join(dir, "objects/ab"), "1");
  writeFileSync(join(dir, "reftable/0x01.ref"), "1");
  await until("the table", () => changes.has("h reftable/0x01.ref"), { seen: () => [...changes] });
  t.strictSame([...changes], ["h reftable/0x01.ref"]);
});

t.test("each link on the way to a file counts, and the file where it lies", async (t) => {
  const { dir, place, changes } = watched(t);
  for (const name of ["home/dotfiles/git", "home/others/git"]) mkdirSync(join(dir, name), { recursive: true });
  symlinkSync("dotfiles", join(dir, "home/current"));
  symlinkSync("home/current/git/../git/ignore", join(dir, "ignore"));
  writeFileSync(join(dir, "home/dotfiles/git/ignore"), "*.o\n");
  const placed = (): Set<string> => place("i:ignore");
  placed();
  writeFileSync(join(dir, "home/dotfiles/git/ignore"), "*.a\n");
  await until("the file's own change", () => changes.has("i home/dotfiles/git/ignore"), { seen: () => [...changes] });
  rmSync(join(dir, "home/current"));
  symlinkSync("others", join(dir, "home/current"));
  await until("the link's", () => changes.has("i home/current"), { seen: () => [...changes] });
  t.strictSame([...placed()], ["i"], "there are other steps now");
  writeFileSync(join(dir, "home/others/git/ignore"), "*.b\n");
  await until("the new file's", () => changes.has("i home/others/git/ignore"), { seen: () => [...changes] });
  t.strictSame([...placed()], [], "the name was waited for");
});

t.test("a directory that takes another one's place is watched in its stead", async (t) => {
  const { dir, place, changes } = watched(t);
  mkdirSync(join(dir, "info"));
  place("i:info/exclude");
  for (let round = 0; round < 5; round++) {
    rmSync(join(dir, "info"), { recursive: true });
    mkdirSync(join(dir, "info")); // often with the same inode number
    await until("the directory's change", () => changes.has("i info"), { seen: () => [...changes] });
    place("i:info/exclude");
    changes.clear();
    writeFileSync(join(dir, "info/exclude"), `${round}\n`);
    await until("the file's change", () => changes.has("i info/exclude"), { seen: () => [...changes] });
    changes.clear();
  }
  t.pass("found each time");
});

t.test("placing again keeps the watches, two who watch the same share them, and closing leaves none", async (t) => {
  let started = 0;
  const watch: WatchFunction = () => {
    started += 1;
    return { close: () => {}, on: () => undefined as never };
  };
  const names = new NameWatches({ watch });
  const one = watched(t, names);
  for (let times = 0; times < 3; times++) one.place("h:HEAD", "i:index");
  const directories = names.size;
  t.equal(started, directories);
  const two = new ResolutionWatch<string>({ names, onChange: () => {}, onOverflow: () => {} });
  two.place(() => new Map([[join(one.dir, "packed-refs"), "h"]]));
  t.equal(names.size, directories, "it is in the same directory");
  one.watch.close();
  t.equal(names.size, directories, "the other one still needs them");
  two.close();
  t.equal(names.size, 0);
});

t.test("a directory that a limit keeps from being watched is told, one that may not be read is not", async (t) => {
  let code = "ENOSPC";
  const watch: WatchFunction = () => {
    throw Object.assign(new Error(code), { code });
  };
  const { place, watch: resolution } = watched(t, new NameWatches({ watch }));
  place("h:HEAD");
  t.equal(resolution.missing, "ENOSPC");
  code = "EACCES";
  place("h:HEAD");
  t.equal(resolution.missing, undefined);
});

t.test("no more directories are watched than are allowed, which is told", async (t) => {
  const { dir, place, watch, names } = watched(t);
  const paths = Array.from({ length: 1010 }, (_, at) => `c:includes/${at}/config`);
  for (const path of paths) mkdirSync(join(dir, path.slice(2, -"/config".length)), { recursive: true });
  place(...paths);
  t.equal(watch.missing, "bound");
  t.equal(names.size, 1000);
  place("h:HEAD");
  t.equal(watch.missing, undefined);
});

t.test("an event without a name may be of any of the directory's files", async (t) => {
  const listeners = new Map<string, (type: string, name: string | null) => void>();
  const watch: WatchFunction = (path, _options, listener) => {
    listeners.set(String(path), listener);
    return { close: () => {}, on: () => undefined as never };
  };
  const { dir, place, changes } = watched(t, new NameWatches({ watch }));
  place("h:HEAD", "h:packed-refs", "i:index");
  listeners.get(dir)?.("rename", null);
  t.strictSame([...changes], ["h ", "i "]);
});

t.test("a quarter of the kernel's queue in one turn is told as an overflow, once to each who watches", async (t) => {
  let emit: (type: string, name: string | null) => void = () => {};
  const watch: WatchFunction = (_path, _options, listener) => {
    emit = listener;
    return { close: () => {}, on: () => undefined as never };
  };
  const names = new NameWatches({ watch, queue: new EventQueue({ queueEvents: 40 }) });
  const { place, changes } = watched(t, names);
  place("h:HEAD", "i:index");
  const turn = async (events: number): Promise<void> => {
    for (let at = 0; at < events; at++) emit("change", "another");
    await new Promise((resolve) => setImmediate(resolve));
  };
  await turn(9);
  t.strictSame([...changes], []);
  await turn(10);
  t.strictSame([...changes], ["overflow"]);
});
