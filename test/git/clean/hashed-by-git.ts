import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { GIT_ENV, type TestRepo } from "../../support/repo.js";

/**
 * The ids of contents as `git add` would make them, by one git process.
 * @param name of the file with a content's number, which the attributes look at
 */
export function hashedByGit(repo: TestRepo, contents: readonly Uint8Array[], name: (at: number) => string): string[] {
  const paths = contents.map((content, at) => {
    repo.write(name(at), content);
    return join(repo.root, name(at));
  });
  const options = { env: GIT_ENV, cwd: repo.root, input: paths.join("\n"), stdio: ["pipe", "pipe", "ignore"] as const };
  const output = execFileSync("git", ["hash-object", "--stdin-paths"], { ...options, stdio: [...options.stdio] });
  return output.toString().trim().split("\n");
}
