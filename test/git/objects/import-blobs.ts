import { execFileSync } from "node:child_process";
import { GIT_ENV } from "../../support/repo.js";

/** Writes blobs into a pack of their own, by one git process. @param root of the repository */
export function importBlobs(root: string, contents: readonly string[]): void {
  const input = contents.map((content) => `blob\ndata ${Buffer.byteLength(content)}\n${content}\n`).join("");
  execFileSync("git", ["-C", root, "-c", "fastimport.unpackLimit=1", "fast-import", "--quiet"], {
    env: GIT_ENV,
    input,
  });
}
