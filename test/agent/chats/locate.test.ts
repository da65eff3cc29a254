import t from "tap";
import { Discovery, locate, locateAll } from "../../../src/agent/chats/locate.js";
import { createLogger, TreewireError } from "../../../src/util/index.js";
import { FakeClock } from "../../support/fake-clock.js";
import { FakeTrees } from "../../support/fake-trees.js";

function disk() {
  const trees = new FakeTrees();
  trees.directories.add("/w");
  for (const root of ["/w/a", "/w/b"]) trees.repositories.set(root, []);
  const asked: string[] = [];
  const finder = {
    allowedFor: () => trees.allowedFor(),
    kind: (path: string) => trees.kind(path),
    resolveRoot: (path: string) => {
      asked.push(path);
      return trees.resolveRoot(path);
    },
  };
  return { trees, finder, asked };
}

t.test("a path belongs to the tree of the nearest directory above it that is there", async (t) => {
  const { finder } = disk();
  t.same(await locate("/w/a/x", finder), { path: "/w/a/x", root: "/w/a", provisional: false });
  finder.resolveRoot = async (path) => {
    if (path.startsWith("/w/a/gone")) throw new TreewireError("TW_PATH_NOT_FOUND", path);
    return "/w/a";
  };
  t.same(await locate("/w/a/gone/x", finder), { path: "/w/a/gone/x", root: "/w/a", provisional: true });
});

t.test("in a bare repository the path stands for its working trees, as many as there are now", async (t) => {
  let worktrees = ["/w/one", "/w/two"];
  const finder = {
    allowedFor: async () => [],
    resolveRoot: (path: string) => Promise.reject(new TreewireError("TW_BARE_REPOSITORY", path)),
    resolveWorktrees: async () => worktrees,
  };
  t.same(await locate("/w", finder), { path: "/w", root: undefined, worktrees, provisional: true });
  worktrees = [];
  t.equal((await locate("/w", finder)).trouble?.code, "TW_BARE_REPOSITORY");
});

t.test("the working trees of a bare repository are asked for by what the path lets be shown", async (t) => {
  const asked: unknown[] = [];
  const finder = {
    allowedFor: async () => ["/allowed"],
    resolveRoot: (path: string) => Promise.reject(new TreewireError("TW_BARE_REPOSITORY", path)),
    resolveWorktrees: (path: string, allowed: readonly string[]) => {
      asked.push([path, allowed]);
      return Promise.reject(new TreewireError("TW_PATH_REFUSED", path));
    },
  };
  const { root, worktrees, trouble } = await locate("/w", finder);
  t.same([root, worktrees, trouble?.code], [undefined, undefined, "TW_PATH_REFUSED"]);
  t.same(asked, [["/w", ["/allowed"]]]);
});

t.test("a path outside any repository may be in one later, and says what is the matter", async (t) => {
  const { finder } = disk();
  const matter = async (path: string) => {
    const { root, provisional, trouble } = await locate(path, finder);
    return [root, provisional, trouble?.code];
  };
  t.same(await matter("/w"), [undefined, true, "TW_NOT_A_REPOSITORY"]);
  t.same(await matter("/w/later/x"), [undefined, true, "TW_PATH_NOT_FOUND"], "not that /w is no repository");
  t.same(await matter("/nowhere"), [undefined, true, "TW_PATH_NOT_FOUND"]);
  t.same(await matter("relative"), [undefined, false, "TW_PATH_NOT_FOUND"]);
});

t.test(
  "a failure without words of its own is a trouble with the path; one that nobody foresaw keeps its stack",
  async (t) => {
    const failing = (error: Error) =>
      locate("/w/a", { allowedFor: async () => [], resolveRoot: () => Promise.reject(error) });
    const system = await failing(Object.assign(new Error("no access"), { code: "EACCES", errno: -13 }));
    t.same(system.trouble?.code, "TW_TREE_UNREADABLE");
    t.match(system.trouble?.message, /^\/w\/a: .*no access/);
    t.notOk(system.trouble && "unforeseen" in system.trouble);
    const bug = new TypeError("x is not a function");
    t.equal((await failing(bug)).trouble?.unforeseen, bug);
  },
);

t.test("the log of a failure has the stack of what nobody foresaw", async (t) => {
  const log: object[] = [];
  const logger = createLogger("test", "warn", { write: (line) => void log.push(JSON.parse(line)) });
  const finder = { findRepositories: () => Promise.reject(new TypeError("x is not a function")) };
  await new Discovery(["/w"], finder, logger).find();
  t.match(log, [{ root: "/w", code: "TW_TREE_UNREADABLE", err: { type: "TypeError", stack: /locate\.test/ } }]);
});

t.test("paths in one directory cost one look, if they are there alike", async (t) => {
  const { trees, finder, asked } = disk();
  trees.kind = (path) => (path.includes("gone") ? "missing" : path.endsWith("/") ? "directory" : "other");
  const located = await locateAll(["/w/a/x", "/w/a/y", "/w/a/gone", "/w/a/dir/", "/w/b/x"], finder);
  t.same(asked, ["/w/a/x", "/w/a/gone", "/w/a/dir/", "/w/b/x"]);
  t.same(
    located.map(({ root }) => root),
    ["/w/a", "/w/a", "/w/a", "/w/b"],
  );
});

t.test("very many paths let others have their turn", async (t) => {
  const { finder } = disk();
  let turns = 0;
  let running = true;
  const count = () => {
    turns += 1;
    if (running) setImmediate(count);
  };
  setImmediate(count);
  await locateAll(
    Array.from({ length: 1_000 }, (_, at) => `/w/a/${at}`),
    finder,
  );
  running = false;
  t.ok(turns >= 10, "one for each hundred");
});

t.test(
  "what is found under the roots is sorted, each once; a root with a fault is told once until it has passed",
  async (t) => {
    const { trees } = disk();
    const log: { root: string; code: string }[] = [];
    const logger = createLogger("test", "warn", { write: (line) => void log.push(JSON.parse(line)) });
    const discovery = new Discovery(["/w", "/nowhere", "/w/a"], trees, logger);
    trees.directories.add("/w/a");
    t.same(await discovery.find(), ["/w/a", "/w/b"]);
    await discovery.find();
    t.match(log, [{ root: "/nowhere", code: "TW_PATH_NOT_FOUND" }]);
    t.match(discovery.troubles(), [/^\/nowhere: /]);
    trees.directories.add("/nowhere");
    await discovery.find();
    t.same(discovery.troubles(), []);
    trees.directories.delete("/nowhere");
    await discovery.find();
    t.equal(log.length, 2, "it is told again when it comes back");
  },
);

t.test(
  "a search is due after the rest that is asked for, and a slow one after twenty times what it took",
  async (t) => {
    const clock = new FakeClock();
    let takesMs = 0;
    const finder = {
      findRepositories: async () => {
        await clock.advance(takesMs);
        return [];
      },
    };
    const discovery = new Discovery(["/w"], finder, createLogger("test", "silent"), clock);
    t.ok(discovery.isDue(1_000), "before the first");
    const dueAfter = async (ms: number) => {
      await discovery.find();
      await clock.advance(ms - 1);
      t.notOk(discovery.isDue(1_000));
      await clock.advance(1);
      t.ok(discovery.isDue(1_000), `after ${ms} ms`);
    };
    await dueAfter(1_000);
    takesMs = 500;
    await dueAfter(10_000);
  },
);
