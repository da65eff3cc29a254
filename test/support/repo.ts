import "./environment.js";
import { execFileSync } from "node:child_process";
import { mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expectedDiff } from "./git-oracle.js";
import { type Cleanup, tempDir } from "./temp.js";

/** An environment in which git sees no configuration but the repository's, and a fixed identity and time. */
export const GIT_ENV: NodeJS.ProcessEnv = {
  ...process.env,
  LC_ALL: "C",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_AUTHOR_NAME: "Test",
  GIT_AUTHOR_EMAIL: "test@example.com",
  GIT_AUTHOR_DATE: "2026-01-02T03:04:05Z",
  GIT_COMMITTER_NAME: "Test",
  GIT_COMMITTER_EMAIL: "test@example.com",
  GIT_COMMITTER_DATE: "2026-01-02T03:04:05Z",
};

/** Runs git in `dir`. @returns standard output as text, without the final line feed. @throws when git fails */
export function git(dir: string, ...args: string[]): string {
  const output = execFileSync("git", ["-C", dir, ...args], {
    env: GIT_ENV,
    stdio: ["ignore", "pipe", "pipe"],
    maxBuffer: 2 ** 28,
  });
  return output.toString().replace(/\n$/, "");
}

/** A real working tree of a test. */
export class TestRepo {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  git(...args: string[]): string {
    return git(this.root, ...args);
  }

  /** Writes a file below the root, with the directories above it. Whoever follows the tree may see it empty before. */
  write(path: string, content: string | Uint8Array): void {
    const target = join(this.root, path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, content);
  }

  /** Makes a symbolic link below the root. */
  link(path: string, target: string): void {
    symlinkSync(target, join(this.root, path));
  }

  /** Sets the time of a file's last change, so that git's index can prove it unchanged. @param seconds since 1970 */
  touch(path: string, seconds: number): void {
    utimesSync(join(this.root, path), seconds, seconds);
  }

  /** Moves what is at a path below the root. */
  move(path: string, to: string): void {
    renameSync(join(this.root, path), join(this.root, to));
  }

  remove(path: string): void {
    rmSync(join(this.root, path), { recursive: true });
  }

  /** Stages everything and commits it. */
  commit(message = "commit"): void {
    this.git("add", "-A");
    this.git("commit", "-q", "--allow-empty", "-m", message);
  }
}

/**
 * Makes a repository on branch `main`.
 *
 * @param t the test, with which the repository goes
 * @param files content by path, committed when there are any
 * @param root where; default: a new directory
 */
export function createRepo(t: Cleanup, files: Record<string, string | Uint8Array> = {}, root = tempDir(t)): TestRepo {
  mkdirSync(root, { recursive: true });
  git(root, "init", "-q", "-b", "main");
  const repo = new TestRepo(root);
  for (const [path, content] of Object.entries(files)) repo.write(path, content);
  if (Object.keys(files).length > 0) repo.commit("first");
  return repo;
}

/**
 * What the git command line says that `root` must show.
 * @param userConfig a file that stands for the user's own configuration; default: there is none
 */
export function expectedOf(root: string, userConfig?: string): { unified_diff: Buffer } {
  return { unified_diff: expectedDiff(root, userConfig === undefined ? {} : { userConfig }) };
}
