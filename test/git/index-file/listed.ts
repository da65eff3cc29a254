import { execFileSync } from "node:child_process";
import type { IndexFile } from "../../../src/git/index-file/types.js";
import { GIT_ENV } from "../../support/repo.js";

/** Mode, id, stage and path (one character per byte) of each entry, as git prints them. */
export function listedByGit(root: string, ...options: string[]): string[] {
  const args = ["-C", root, "ls-files", "--stage", "-z", ...options];
  return execFileSync("git", args, { env: GIT_ENV }).toString("latin1").split("\0").slice(0, -1);
}

/** The same of our own index. */
export function listed(index: IndexFile): string[] {
  return Array.from({ length: index.count }, (_, at) => {
    const mode = index.mode(at).toString(8).padStart(6, "0");
    return `${mode} ${index.oid(at)} ${index.stage(at)}\t${index.path(at)}`;
  });
}
