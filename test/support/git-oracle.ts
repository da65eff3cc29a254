// What the git command line says that a working tree must show. "The same as git" means, in every test and benchmark:
// equal to this, byte for byte. docs/repositories.md lists what is compared with it.
//
//   node dist/test/support/git-oracle.js ROOT     prints the expected diff
import "./environment.js";
import { type ExecFileSyncOptions, execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, realpathSync, rmSync, statSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Settings that change how git words a diff. A repository may have others; what is shown has these. */
const WORDING = {
  "core.abbrev": "40",
  "core.quotePath": "true",
  "diff.algorithm": "myers",
  "diff.context": "3",
  "diff.indentHeuristic": "true",
  "diff.interHunkContext": "0",
  "diff.mnemonicPrefix": "false",
  "diff.noprefix": "false",
  "diff.renames": "true",
  "diff.submodule": "short",
  "diff.suppressBlankEmpty": "false",
  // says where an index is written: beside the copy that git is given here, never as a shared one in the git directory
  "core.splitIndex": "false",
};
const SETTINGS = Object.entries(WORDING).flatMap(([name, value]) => ["-c", `${name}=${value}`]);

/** The form that no setting can change. */
const FORM = [
  "--no-color",
  "--no-ext-diff",
  "--no-textconv",
  "--no-relative",
  "--full-index",
  "--src-prefix=a/",
  "--dst-prefix=b/",
];

export interface OracleOptions {
  /** A file that stands for the user's own configuration. Default: there is none. */
  userConfig?: string;
  /**
   * Asks at a copy of the whole directory. Git takes a file for unchanged when the index has its stat data, which is
   * wrong of one whose index entry was made while it was written, and of one put in place with `cp -p`. None of the
   * remembered stat data fit a copy, so that git reads every file. The git directory has to be inside.
   */
  inCopy?: boolean;
  /** What is compared with in place of HEAD: anything that git takes for a tree. */
  base?: string;
}

/**
 * The diff that is expected of a working tree: what `git diff HEAD` prints, then a patch for each untracked file that is
 * not ignored. Git compares with the empty tree where nothing is committed. Neither the tree nor its index is written.
 *
 * @param root the working tree, or a directory that leads git to it
 * @returns the bytes that git printed
 * @throws an error with git's exit `status` where git itself has no answer
 */
export function expectedDiff(root: string, options: OracleOptions = {}): Buffer {
  const scratch = mkdtempSync(join(realpathSync(tmpdir()), "treewire-oracle-"));
  try {
    if (!options.inCopy) return diffOf(root, scratch, options);
    const copy = join(scratch, "copy");
    execFileSync("cp", ["-RP", root, copy], { stdio: ["ignore", "ignore", "pipe"] }); // the names are bytes to it
    return diffOf(copy, scratch, options);
  } finally {
    rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** What `git diff` prints of two trees, in the same form. @param left @param right anything that git takes for a tree */
export function expectedTreeDiff(root: string, left: string, right: string): Buffer {
  return execFileSync("git", [...SETTINGS, "diff", ...FORM, left, right, "--"], gitOptions(root, "/dev/null"));
}

function gitOptions(root: string, userConfig: string): ExecFileSyncOptions & { encoding: "buffer" } {
  return {
    cwd: root,
    // the wording of quoted names and messages must not depend on who asks
    env: { ...process.env, LC_ALL: "C", GIT_CONFIG_GLOBAL: userConfig, GIT_OPTIONAL_LOCKS: "0" },
    encoding: "buffer",
    maxBuffer: 2 ** 31 - 1,
    stdio: ["ignore", "pipe", "pipe"],
  };
}

function diffOf(root: string, scratch: string, { userConfig = "/dev/null", base: wanted }: OracleOptions): Buffer {
  const index = join(scratch, "index");
  const options = gitOptions(root, userConfig);
  const git = (...args: string[]): Buffer => execFileSync("git", [...SETTINGS, ...args], options);

  // `git diff` writes the index anew when stat data in it are outdated, whatever GIT_OPTIONAL_LOCKS says
  const indexPath = withoutLineFeed(git("rev-parse", "--path-format=absolute", "--git-path", "index"));
  copyWithTime(indexPath, index);
  options.env = { ...options.env, GIT_INDEX_FILE: index };

  const head = spawnSync("git", ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"], options);
  // the empty tree's name depends on the repository's hash
  const own = head.status === 0 ? "HEAD" : withoutLineFeed(git("hash-object", "-t", "tree", "/dev/null")).toString();
  const tracked = git("diff", ...FORM, wanted ?? own, "--");

  const untracked = git("ls-files", "-z", "--others", "--exclude-standard")
    .toString("latin1") // a character for each byte
    .split("\0")
    .filter((path) => path !== "" && !path.endsWith("/")); // a repository in this one is a tree of its own
  if (untracked.length === 0) return tracked;
  // an argument of a Node process is UTF-8 and a name need not be: xargs hands the bytes on. Its own status says nothing,
  // as git ends with 1 when two files differ, and leaves out what cannot be read
  const { stdout, error } = spawnSync(
    "xargs",
    ["-0", "-n", "1", "git", ...SETTINGS, "diff", "--no-index", ...FORM, "--", "/dev/null"],
    { ...options, input: Buffer.from(untracked.join("\0"), "latin1"), stdio: ["pipe", "pipe", "pipe"] },
  );
  if (error !== undefined) throw error;
  return Buffer.concat([tracked, stdout]);
}

/**
 * Copies a git index, if it is there. Git compares its time with that of each entry to know which entry may have been
 * made while its file was written: a copy with a later time would hide changes.
 */
function copyWithTime(from: Buffer, to: string): void {
  const stat = statSync(from, { throwIfNoEntry: false });
  if (stat === undefined) return;
  copyFileSync(from, to);
  utimesSync(to, stat.atime, Math.floor(stat.mtimeMs) / 1000);
}

function withoutLineFeed(line: Buffer): Buffer {
  return line.subarray(0, -1);
}

const [, program, root] = process.argv;
if (program !== undefined && realpathSync(program) === realpathSync(fileURLToPath(import.meta.url))) {
  if (root === undefined) throw new Error("usage: git-oracle.js ROOT");
  process.stdout.write(expectedDiff(root));
}
