import { execFileSync } from "node:child_process";
import isomorphic from "isomorphic-git";
import t from "tap";
import { type HistorySource, openRepository } from "../../src/git/index.js";
import { changedPaths, commitsBetween } from "../../src/history/index.js";
import { objectFs } from "../support/object-fs.js";
import { createRepo, GIT_ENV, type TestRepo } from "../support/repo.js";

// isomorphic-git over our reader of objects is a second judge of what is read here; and the last tests say where it can't be
// the reader itself.

const GIT_DIR = "/objects-of-a-test";

function open(repo: TestRepo): { source: HistorySource; args: { fs: ReturnType<typeof objectFs>; gitdir: string } } {
  const source = openRepository(repo.root, GIT_ENV).historySource();
  return { source, args: { fs: objectFs(source, GIT_DIR), gitdir: GIT_DIR } };
}

function packedRepo(t: Parameters<typeof createRepo>[0]): TestRepo {
  const repo = createRepo(t, { a: "1\n", "d/b": "2\n", "d/e/c": "3\n", same: "s\n" });
  for (const each of [1, 2, 3]) {
    repo.write("a", `${each}\n`.repeat(100 + each));
    repo.write(`d/new${each}`, "n\n");
    repo.commit(`change ${each}`);
  }
  repo.git("gc", "-q");
  return repo;
}

/** The ids of the files that differ, by isomorphic-git. */
async function walk(args: ReturnType<typeof open>["args"], left: string, right: string): Promise<string[]> {
  const trees = [isomorphic.TREE({ ref: left }), isomorphic.TREE({ ref: right })];
  const changes: unknown = await isomorphic.walk({
    ...args,
    trees,
    map: async (path, [one, other]) => {
      const oids = await Promise.all([one?.oid(), other?.oid()]);
      if (oids[0] === oids[1]) return null;
      const isTree = (await one?.type()) === "tree" || (await other?.type()) === "tree";
      return isTree ? undefined : `${path} ${oids[0]} ${oids[1]}`;
    },
  });
  return Array.isArray(changes) ? changes.filter((change) => change !== undefined).sort() : [];
}

t.test("isomorphic-git reads commits, tags and trees of a pack as loose objects, and finds what we find", async (t) => {
  const repo = packedRepo(t);
  repo.git("tag", "-a", "-m", "one", "v1");
  const { source, args } = open(repo);
  const [head, root] = [repo.git("rev-parse", "HEAD"), repo.git("rev-parse", "HEAD~3")];
  const { commits } = commitsBetween(source, { tip: head, excluded: "" });
  const log = await isomorphic.log({ ...args, ref: head });
  t.same(
    log.map(({ oid, commit }) => [oid, commit.message.trim(), commit.author.timestamp]),
    commits.map(({ oid, subject, author }) => [oid, subject, author.at]),
  );
  const tag = await isomorphic.readTag({ ...args, oid: repo.git("rev-parse", "v1") });
  t.equal(tag.tag.object, head);
  const changes = changedPaths(source, source.commitTree(root), source.commitTree(head));
  t.same(
    await walk(args, root, head),
    changes.map(({ path, left, right }) => `${path} ${left?.oid} ${right?.oid}`),
  );
});

t.test("nothing can be written through it, and nothing but objects is there", async (t) => {
  const repo = packedRepo(t);
  const { args } = open(repo);
  await t.rejects(isomorphic.writeBlob({ ...args, blob: Buffer.from("new") }));
  await t.rejects(args.fs.promises.writeFile(), { code: "EROFS" });
  await t.rejects(args.fs.promises.readFile("/etc/passwd"), { code: "ENOENT" });
  await t.rejects(args.fs.promises.readFile(`${GIT_DIR}/objects/../../etc/passwd`), { code: "ENOENT" });
  t.same(await args.fs.promises.readdir(`${GIT_DIR}/objects/pack`), []);
  await t.rejects(isomorphic.readBlob({ ...args, oid: "0".repeat(40) }), { code: "NotFoundError" });
});

t.test(
  "isomorphic-git makes one of two names that are no UTF-8, refuses backslashes and what is replaced",
  async (t) => {
    const repo = createRepo(t, { a: "1\n" });
    const blob = repo.git("rev-parse", "HEAD:a");
    const makeTree = (...names: string[]): string => {
      repo.git("read-tree", "--empty");
      const lines = names.map((name) => `100644 ${blob}\t${name}\0`).join("");
      updateIndex(repo.root, Buffer.from(lines, "latin1"));
      return repo.git("write-tree");
    };
    const { source, args } = open(repo);
    const names = async (tree: string): Promise<string[]> =>
      (await isomorphic.readTree({ ...args, oid: tree })).tree.map(({ path }) => path);
    const bytes = makeTree("caf\xe8", "caf\xe9");
    t.same(await names(bytes), ["caf\ufffd", "caf\ufffd"]);
    t.same(
      source.tree(bytes).map(({ name }) => name),
      ["caf\xe8", "caf\xe9"],
    );
    const backslash = makeTree("a\\b");
    await t.rejects(names(backslash), { code: "UnsafeFilepathError" });
    t.same(
      source.tree(backslash).map(({ name }) => name),
      ["a\\b"],
    );
    repo.git("replace", bytes, makeTree("other"));
    const replaced = open(repo);
    await t.rejects(isomorphic.readTree({ ...replaced.args, oid: bytes }), {
      code: "InternalError",
      message: /SHA check/,
    });
    t.same(
      replaced.source.tree(bytes).map(({ name }) => name),
      ["other"],
    );
  },
);

function updateIndex(root: string, input: Buffer): void {
  execFileSync("git", ["-C", root, "update-index", "-z", "--index-info"], { input, env: GIT_ENV });
}
