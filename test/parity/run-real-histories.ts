// `npm run test:real-histories [-- DRAWS [SEED]]`: compares what `agent --once --compare` prints with `git diff` on histories that
// people have made: HEAD and what it is compared with are drawn, and work lies on top. A single difference fails the run.
import { existsSync, mkdtempSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expectedDiff, expectedTreeDiff } from "../support/git-oracle.js";
import { drawSeed, Random } from "../support/random.js";
import { git } from "../support/repo.js";
import { printedComparison } from "../worktree/comparison/printed.js";
import { ownHistory, packageHistory, type RealHistory } from "./real-histories.js";

const [draws = 200, seed = drawSeed()] = process.argv.slice(2).map(Number);
const EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
const directory = mkdtempSync(join(realpathSync(tmpdir()), "treewire-histories-"));

/** Changes some files, stages some of that, and leaves some behind that nobody tracks. */
function work(root: string, random: Random): void {
  const paths = git(root, "ls-files", "-z")
    .split("\0")
    .filter((path) => path !== "");
  for (let at = random.below(6); at > 0 && paths.length > 0; at -= 1) {
    const path = join(root, random.pick(paths));
    const kind = random.below(5);
    if (kind === 0) rmSync(path, { force: true });
    else if (kind === 1) git(root, "add", "-A");
    else if (kind === 2) writeFileSync(join(root, `untracked-${at}`), `${at}\n`);
    else if (kind === 3 && existsSync(path)) renameSync(path, `${path}.moved`);
    else change(path, random);
  }
}

function change(path: string, random: Random): void {
  if (!existsSync(path)) return; // an earlier step took it
  const lines = readFileSync(path, "latin1").split("\n");
  lines.splice(random.below(lines.length), random.below(3), `a line ${random.below(100)}`);
  writeFileSync(path, lines.join("\n"), "latin1");
}

/** A comparison's word, and what git prints. */
function* expectedOf(root: string, commits: readonly string[], random: Random): Generator<[string, Buffer]> {
  const base = random.pick(commits);
  git(root, "update-ref", "refs/heads/base", base);
  git(root, "config", "branch.topic.gh-merge-base", "base");
  yield ["base", workTree(root, base)];
  const other = random.pick(commits);
  git(root, "update-ref", "refs/tags/other", other);
  yield ["ref:other", workTree(root, other)];
  const commit = random.pick(commits);
  const parent = git(root, "rev-list", "--parents", "-n1", commit).split(" ")[1] ?? EMPTY_TREE;
  yield [`commit:${commit}`, expectedTreeDiff(root, parent, commit)];
}

function workTree(root: string, ref: string): Buffer {
  return expectedDiff(root, { base: git(root, "merge-base", "HEAD", ref) });
}

let failed = 0;
async function compareHistory({ name, root }: RealHistory): Promise<void> {
  const random = new Random(seed);
  const commits = git(root, "rev-list", "--all").split("\n");
  let compared = 0;
  let different = 0;
  let bytes = 0;
  for (let draw = 0; draw < draws; draw += 1) {
    const head = random.pick(commits);
    git(root, "checkout", "-q", "-f", "-B", "topic", head);
    git(root, "clean", "-q", "-f", "-d", "-x");
    work(root, random);
    for (const [word, expected] of expectedOf(root, commits, random)) {
      const printed = await printedComparison(root, word);
      compared += 1;
      bytes += expected.length;
      if (printed.equals(expected)) continue;
      different += 1;
      process.stdout.write(`different: ${name}, seed ${seed}, draw ${draw}, HEAD ${head}, ${word}\n`);
    }
    if (process.stderr.isTTY) process.stderr.write(`\r${name}: ${draw + 1} of ${draws}`);
  }
  failed += different;
  process.stdout.write(
    `${name}: ${compared} comparisons of ${bytes} bytes in ${commits.length} commits, seed ${seed}: ${different} different\n`,
  );
}

try {
  const own = ownHistory(join(directory, "own"));
  if (own === undefined) process.stdout.write("this project: skipped, its folder is no clone with the whole history\n");
  for (const history of [...(own === undefined ? [] : [own]), packageHistory(join(directory, "packages"))]) {
    await compareHistory(history);
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
process.exitCode = failed === 0 ? 0 : 1;
