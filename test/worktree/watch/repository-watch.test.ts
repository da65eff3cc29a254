import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { DirectoryWatcher } from "../../../src/worktree/watch/directory-watcher.js";
import { RepositoryWatch } from "../../../src/worktree/watch/repository-watch.js";
import { type Cleanup, tempDir } from "../../support/temp.js";
import { until } from "../../support/until.js";

interface Watched {
  dir: string;
  watch: RepositoryWatch;
  watcher: DirectoryWatcher;
  /** What was said to have changed, as "part name". */
  changes: Set<string>;
}

function watched(t: Cleanup): Watched {
  const dir = tempDir(t);
  const watcher = new DirectoryWatcher({ root: dir, onPath: () => {}, onOverflow: () => {} });
  const changes = new Set<string>();
  const watch = new RepositoryWatch(watcher, (part, path) => changes.add(`${part} ${path.slice(dir.length + 1)}`));
  t.teardown(() => watch.close());
  return { dir, watch, watcher, changes };
}

/** Replaces a file as git does. */
function replace(path: string, content: string): void {
  writeFileSync(`${path}.lock`, content);
  renameSync(`${path}.lock`, path);
}

t.test("a file that is replaced by a rename is said to have changed, others beside it are not", async (t) => {
  const { dir, watch, changes } = watched(t);
  const [head, index] = [join(dir, "HEAD"), join(dir, "index")];
  watch.place(
    new Map([
      [head, "head"],
      [index, "index"],
    ]),
  );
  writeFileSync(join(dir, "COMMIT_EDITMSG"), "1");
  replace(head, "ref: refs/heads/main");
  replace(index, "DIRC");
  await until("both", () => changes.has("head HEAD") && changes.has("index index"), { seen: () => [...changes] });
  t.equal(changes.size, 2);
});

t.test("a file whose directories are not there yet counts from the first missing name on", async (t) => {
  const { dir, watch, changes } = watched(t);
  const branch = join(dir, "refs/heads/main");
  watch.place(new Map([[branch, "head"]]));
  mkdirSync(join(dir, "refs/heads"), { recursive: true });
  await until("the first directory", () => changes.has("head refs"));
  watch.place(new Map([[branch, "head"]]));
  replace(branch, "1");
  await until("the branch", () => changes.has("head refs/heads/main"), { seen: () => [...changes] });
  t.pass("found");
});

t.test("files of several parts below one directory that is not there yet all count when it comes", async (t) => {
  const { dir, watch, changes } = watched(t);
  watch.place(
    new Map([
      [join(dir, "info/exclude"), "ignore"],
      [join(dir, "info/attributes"), "attributes"],
    ]),
  );
  mkdirSync(join(dir, "info"));
  writeFileSync(join(dir, "info/exclude"), "*.log\n");
  await until("both", () => changes.size === 2, { seen: () => [...changes] });
  t.strictSame([...changes].sort(), ["attributes info", "ignore info"]);
});

t.test("of a directory every name counts", async (t) => {
  const { dir, watch, changes } = watched(t);
  mkdirSync(join(dir, "reftable"));
  watch.place(new Map([[join(dir, "reftable"), "head"]]));
  writeFileSync(join(dir, "reftable/0x01.ref"), "1");
  await until("the table", () => changes.has("head reftable/0x01.ref"), { seen: () => [...changes] });
  t.pass("found");
});

t.test("placing again keeps one watch for each directory, and closing leaves none", async (t) => {
  const { dir, watch, watcher } = watched(t);
  const paths = new Map([
    [join(dir, "HEAD"), "head" as const],
    [join(dir, "index"), "index" as const],
  ]);
  for (let times = 0; times < 3; times++) watch.place(paths);
  t.equal(watcher.watches, 1);
  watch.close();
  t.equal(watcher.watches, 0);
});

t.test("an event without a name may be of any of the directory's files", async (t) => {
  const dir = tempDir(t);
  const names: string[] = [];
  let listener: (name: string | undefined, replaced: boolean) => void = () => {};
  const watcher = {
    coverOther: (_path: string, onName: typeof listener) => {
      listener = onName;
      return [];
    },
  };
  new RepositoryWatch(watcher, (part) => names.push(part)).place(
    new Map([
      [join(dir, "HEAD"), "head"],
      [join(dir, "packed-refs"), "head"],
      [join(dir, "index"), "index"],
    ]),
  );
  listener(undefined, true);
  t.strictSame(names, ["head", "index"]);
});
