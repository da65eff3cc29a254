import { execFileSync } from "node:child_process";
import type { ErrorCode } from "../../src/util/index.js";
import { createRepo, GIT_ENV, type TestRepo } from "../support/repo.js";
import type { Cleanup } from "../support/temp.js";

/** One kind of repository that people have: a row of docs/repositories.md, and a test. */
export interface RepositoryCase {
  /** What is special about it, for users. */
  name: string;
  /** Makes it with the git command line. @returns the path to be shown */
  make: (t: Cleanup) => string;
  /** Where it can't be shown: the error's code, and words that its message holds. */
  refused?: { code: ErrorCode; words: string };
  /** Git is asked at the path, too, as the working tree's root is no place that leads it to the repository. */
  rootIsElsewhere?: true;
  /** Makes the user's own configuration. @returns the file; default: there is none */
  userConfig?: (t: Cleanup) => string;
  /** Why the case can't be tried on this machine. */
  skip?: string | false;
  /** `false`: another case stands for this one on this machine. */
  applies?: boolean;
  /** Stands in the documentation behind the name. */
  note?: string;
}

export interface CaseGroup {
  title: string;
  cases: RepositoryCase[];
}

/** `count` lines that differ. */
export function lines(count: number, text = "line"): string {
  return Array.from({ length: count }, (_, at) => `${text} ${at}\n`).join("");
}

/** What most cases start from. */
const FILES = {
  "a.txt": lines(40),
  "dir/b.txt": lines(10, "b"),
  "dir/sub/c.txt": "c\n",
  "old name.txt": lines(30, "moved"),
  "same/kept": "kept\n",
  stays: "stays\n",
};

/** A repository with one commit. */
export function startRepo(t: Cleanup, files: Record<string, string> = {}): TestRepo {
  return createRepo(t, { ...FILES, ...files });
}

/** A day's work in it: changed, staged, changed again, deleted, renamed, added and untracked. */
export function work(repo: TestRepo): void {
  repo.write("a.txt", lines(40).replace("line 7\n", "line seven\n"));
  repo.write("dir/b.txt", lines(10, "b").replace("b 3\n", ""));
  repo.git("add", "dir/b.txt");
  repo.write("dir/b.txt", `${lines(10, "b").replace("b 3\n", "")}more\n`);
  repo.remove("dir/sub/c.txt");
  repo.git("mv", "old name.txt", "new name.txt");
  repo.write("added", "added\n");
  repo.git("add", "added");
  repo.write("untracked/file", "untracked\n");
}

/** A case that is {@link startRepo}, a change to how it is stored, and {@link work}. */
export function stored(
  name: string,
  change: (repo: TestRepo) => void,
  more: Partial<RepositoryCase> = {},
): RepositoryCase {
  const make = (t: Cleanup): string => {
    const repo = startRepo(t);
    change(repo);
    work(repo);
    return repo.root;
  };
  return { name, make, ...more };
}

/** A case with its own files, and what happens after the first commit. */
export function worked(
  name: string,
  files: Record<string, string>,
  after: (repo: TestRepo) => void,
  more: Partial<RepositoryCase> = {},
): RepositoryCase {
  const make = (t: Cleanup): string => {
    const repo = startRepo(t, files);
    after(repo);
    return repo.root;
  };
  return { name, make, ...more };
}

/** Runs a command in a repository. @returns its standard output */
export function run(repo: TestRepo, command: string, ...args: string[]): string {
  return execFileSync(command, args, { cwd: repo.root, env: GIT_ENV, stdio: ["ignore", "pipe", "ignore"] }).toString();
}

/** Runs git where it is meant to fail, as a merge with conflicts does. */
export function gitFails(repo: TestRepo, ...args: string[]): void {
  try {
    repo.git(...args);
  } catch {
    return;
  }
  throw new Error(`git ${args.join(" ")} was meant to fail`);
}

/** The version of the git program, as a number that orders: 2.39 is 2039. */
export function gitVersion(): number {
  const [, major = "0", minor = "0"] = /(\d+)\.(\d+)/.exec(execFileSync("git", ["--version"]).toString()) ?? [];
  return Number(major) * 1000 + Number(minor);
}
