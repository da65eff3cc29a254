import t from "tap";
import { type IndexFile, openRepository } from "../../../src/git/index.js";
import { NO_COVERAGE } from "../../../src/worktree/scan/coverage.js";
import { IndexTree } from "../../../src/worktree/scan/index-tree.js";
import { ScanRunner } from "../../../src/worktree/scan/scan-runner.js";
import { TreeScan } from "../../../src/worktree/scan/tree-scan.js";
import { createRepo, type TestRepo } from "../../support/repo.js";
import type { Cleanup } from "../../support/temp.js";

/** An index that counts what it is asked. */
function counting(index: IndexFile): { index: IndexFile; questions: () => number } {
  let questions = 0;
  const counted = new Proxy(index, {
    get: (target, name) => {
      questions += 1;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { index: counted, questions: () => questions };
}

function stage(repo: TestRepo, paths: readonly string[]): void {
  for (const path of paths) repo.write(path, path);
  repo.git("add", "-A");
}

/**
 * How often the index is asked while a scan takes in that it has gained files.
 * @param replace puts in the place of the files what the scan then finds there
 */
async function questionsFor(t: Cleanup, files: number, replace: (repo: TestRepo) => void): Promise<number> {
  const repo = createRepo(t, { kept: "kept\n" });
  const repository = openRepository(repo.root);
  const empty = repository.index();
  const scan = new TreeScan(repository, NO_COVERAGE, empty, new IndexTree(empty));
  const runner = new ScanRunner(repo.root, () => 0);
  await runner.run(scan, new Map());
  const paths = Array.from({ length: files }, (_, at) => `gone/p${at % 7}/f${at}`);
  stage(repo, paths);
  replace(repo);
  repository.invalidate(["index"]);
  const { index, questions } = counting(repository.index());
  scan.reindex(index, new IndexTree(index));
  const before = questions();
  await runner.run(scan, new Map(paths.map((path) => [path, true])));
  t.teardown(() => scan.close());
  const untracked = scan.candidates.untracked.size;
  const found = [...scan.candidates.tracked.keys()].filter((path) => path.startsWith("gone/"));
  if (found.length !== files) throw new Error(`${found.length} of ${files} found`);
  if (untracked > 1) throw new Error(`${untracked} untracked`);
  return questions() - before;
}

const PLACES: [place: string, replace: (repo: TestRepo) => void][] = [
  ["nothing", (repo) => repo.remove("gone")],
  [
    "a file",
    (repo) => {
      repo.remove("gone");
      repo.write("gone", "a file\n");
    },
  ],
  [
    "a link to a directory",
    (repo) => {
      repo.move("gone", ".git/elsewhere");
      repo.link("gone", ".git/elsewhere");
    },
  ],
];

for (const [place, replace] of PLACES) {
  t.test(`what the index gains where there is ${place} costs in proportion to it`, async (t) => {
    const few = await questionsFor(t, 200, replace);
    const many = await questionsFor(t, 800, replace);
    t.ok(many <= 4 * few + 100, `${few} questions for 200 files, ${many} for 800`);
  });
}
