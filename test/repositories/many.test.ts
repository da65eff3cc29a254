import { execFileSync } from "node:child_process";
import { join } from "node:path";
import t from "tap";
import { createRepo, expectedOf, GIT_ENV, git, type TestRepo } from "../support/repo.js";
import { tempDir } from "../support/temp.js";
import { shown } from "./test-groups.js";

/** `TREEWIRE_MANY=50000` takes half a minute. */
const MANY = Number(process.env.TREEWIRE_MANY ?? 4000);
const DIFF =
  "-c core.quotePath=true -c core.abbrev=40 diff --no-color --no-ext-diff --no-textconv --full-index --src-prefix=a/ --dst-prefix=b/".split(
    " ",
  );

t.setTimeout(0);

/** What git prints for untracked files that are the only change: as if they were added, in an index of its own. */
function asAdded(t: Parameters<typeof tempDir>[0], { root }: TestRepo): string {
  const scratch = tempDir(t);
  const objects = join(root, ".git/objects");
  const env = {
    ...GIT_ENV,
    GIT_INDEX_FILE: join(scratch, "index"),
    GIT_OBJECT_DIRECTORY: scratch,
    GIT_ALTERNATE_OBJECT_DIRECTORIES: objects,
  };
  execFileSync("git", ["-C", root, "read-tree", "HEAD"], { env });
  execFileSync("git", ["-C", root, "add", "-A"], { env });
  return execFileSync("git", ["-C", root, ...DIFF, "--cached", "HEAD"], { env, maxBuffer: 2 ** 30 }).toString("latin1");
}

t.test(`${MANY.toLocaleString("en")} untracked files`, async (t) => {
  const repo = createRepo(t, { ".gitignore": "*.log\n", kept: "kept\n" });
  for (let at = 0; at < MANY; at += 1) {
    repo.write(`d${at % 97}/sub/file ${at}${at % 50 === 0 ? ".log" : ""}`, `file ${at}\n${"line\n".repeat(at % 5)}`);
  }
  const { diff } = await shown(repo.root);
  t.ok(diff === asAdded(t, repo), "the same as git");
  t.equal(diff.match(/^diff --git /gm)?.length, MANY - Math.ceil(MANY / 50));
});

t.test("untracked names that are not UTF-8", async (t) => {
  const repo = createRepo(t, { kept: "kept\n" });
  // no program but a shell writes them as they are
  const names = String.raw`for n in '\\377' 'a\\303(' '\\200b\\tc' 'dir\\376/x' '\\303\\244'; do
    p=$(printf "$n"); mkdir -p "$(dirname "$p")"; echo "$n" > "$p"; ln -s "$p" "$p.link"; done`.replaceAll(
    "\\\\",
    "\\",
  );
  execFileSync("sh", ["-c", names], { cwd: repo.root });
  const { diff } = await shown(repo.root);
  t.equal(diff, asAdded(t, repo));
  t.match(diff, /"b\/\\377"/);
});

t.test("a SHA-256 repository with many changed files needs no git program", async (t) => {
  const root = tempDir(t);
  git(root, "init", "-q", "-b", "main", "--object-format=sha256");
  const names = Array.from({ length: 300 }, (_, at) => `d${at % 7}/${at}`);
  const repo = createRepo(t, Object.fromEntries(names.map((name) => [name, `${name}\n`])), root);
  repo.git("gc", "-q");
  for (const name of names) repo.write(name, `${name}\nmore\n`);
  const expected = expectedOf(root).unified_diff.toString("latin1");
  const { PATH } = process.env;
  process.env.PATH = "/nowhere";
  t.teardown(() => {
    process.env.PATH = PATH;
  });
  t.equal((await shown(root)).diff, expected);
});
