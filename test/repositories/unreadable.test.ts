import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t, { type Test } from "tap";
import { createRepo, GIT_ENV, type TestRepo } from "../support/repo.js";
import { isTempOpen } from "../support/temp.js";

const agent = fileURLToPath(new URL("../../bin/agent.js", import.meta.url));
const oraclePath = fileURLToPath(new URL("../support/git-oracle.js", import.meta.url));
/** Root may read everything, so the programs run as somebody else. */
const NOBODY = 65_534;
const isRoot = process.geteuid?.() === 0;
const options = {
  env: { ...GIT_ENV, HOME: "/nonexistent", NODE_V8_COVERAGE: "" }, // another user may not write it
  ...(isRoot && { uid: NOBODY, gid: NOBODY }),
  encoding: "latin1",
} as const;

function run(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, args, options);
}

/** A clone below a directory of root's own can't be run by anybody else, nor files there be reached. */
const isOpen = run(agent, "--version").status === 0 && (!isRoot || isTempOpen());
const skip = isOpen ? false : "nobody else can run the programs";

/** A repository of somebody else, with a day's work in it. */
function repoOfNobody(t: Test): TestRepo {
  const repo = createRepo(t, { "tracked/x": "1\n", a: "1\n", b: "1\n" });
  for (const path of ["a", "b", "c", "untracked/y", "z"]) repo.write(path, "2\n");
  return repo;
}

/** @param change what becomes unreadable, by path, and the mode it gets */
function scan(t: Test, change: Readonly<Record<string, number>>): { shown: string; told: string; expected: string } {
  const repo = repoOfNobody(t);
  if (".gitignore" in change) repo.write(".gitignore", "z\n");
  if (".gitattributes" in change) repo.write(".gitattributes", "* -diff\n");
  if (isRoot) {
    chownSync(repo.root, NOBODY, NOBODY);
    for (const name of readdirSync(repo.root, { recursive: true, encoding: "utf8" })) {
      chownSync(join(repo.root, name), NOBODY, NOBODY);
    }
  }
  for (const [path, mode] of Object.entries(change)) {
    chmodSync(join(repo.root, path), mode);
    t.teardown(() => chmodSync(join(repo.root, path), 0o755));
  }
  const oracle = run(oraclePath, repo.root);
  const ours = run(agent, "--once", "--format", "diff", repo.root);
  t.equal(ours.status, 2);
  return { shown: ours.stdout, told: ours.stderr.replaceAll(repo.root, "ROOT"), expected: oracle.stdout };
}

t.test("an untracked file that may not be read is told; the others are shown", { skip }, async (t) => {
  const { shown, told, expected } = scan(t, { c: 0, z: 0 });
  t.equal(shown, expected);
  t.match(told, /^agent: ROOT\/c: cannot be read \(c: EACCES.*\nagent: ROOT\/z: cannot be read .*\n$/);
});

t.test("an untracked directory that may not be entered is told", { skip }, async (t) => {
  for (const mode of [0, 0o111, 0o444]) {
    const { shown, told, expected } = scan(t, { untracked: mode });
    t.equal(shown, expected, mode.toString(8));
    t.match(told, /^agent: ROOT\/untracked: cannot be read \(EACCES\); check its permissions\n$/);
  }
});

t.test("a tracked file that may not be read is told, where git gives up", { skip }, async (t) => {
  const { shown, told, expected } = scan(t, { b: 0 });
  t.equal(expected, "");
  t.match(shown, /^diff --git a\/a b\/a\n(?!.*a\/b)/s);
  t.match(told, /^agent: ROOT\/b: cannot be read \(b: EACCES.*\n$/);
});

t.test("what is in a directory that may not be entered is not taken for deleted", { skip }, async (t) => {
  const { shown, told } = scan(t, { tracked: 0 });
  t.notMatch(shown, /deleted file mode/);
  t.match(told, /^agent: ROOT\/tracked: cannot be read \(EACCES\); check its permissions\n$/);
});

t.test("ignore and attributes files that may not be read count as absent", { skip }, async (t) => {
  for (const name of [".gitignore", ".gitattributes"]) {
    const { shown, told, expected } = scan(t, { [name]: 0 });
    t.equal(shown, expected, name);
    t.match(shown, /\+\+\+ b\/z\n/);
    t.ok(told.startsWith(`agent: ROOT/${name}: cannot be read`), told);
  }
});

t.test("an index that may not be read is named", { skip }, async (t) => {
  const { shown, told } = scan(t, { ".git/index": 0 });
  t.equal(shown, "");
  t.equal(told, "agent: ROOT/.git/index: cannot be read (EACCES); check its permissions\n");
});
