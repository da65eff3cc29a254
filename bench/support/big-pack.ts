import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { git } from "../../test/support/repo.js";
import { progress } from "./measure.js";

/** Families of versions of one file: the first whole, the others deltas. Makes a pack of about 600 MB. */
const FAMILIES = 195_000;
const VERSIONS = 4;
/** Before base64, so that the text takes three quarters of itself when it is packed. */
const RANDOM_BYTES = 2700;
const FILES_OF_COMMIT = 20;
/** Written at once. */
const BATCH = 200;

/** Makes a bare repository with one pack of over 500 MB and over 800,000 objects, by `git fast-import`. */
export async function makeBigPack(gitDir: string): Promise<void> {
  git(".", "init", "-q", "--bare", "-b", "main", gitDir);
  const settings = ["-c", "core.compression=1", "-c", "fastimport.unpackLimit=0"];
  const child = spawn("git", ["-C", gitDir, ...settings, "fast-import", "--quiet", "--depth=50"], {
    stdio: ["pipe", "inherit", "inherit"],
  });
  const closed = once(child, "close");
  let pieces: Buffer[] = [];
  let files: string[] = [];
  let commits = 0;
  for (let family = 0; family < FAMILIES; family += 1) {
    const mark = family * VERSIONS;
    for (const [version, content] of versions(family).entries()) {
      pieces.push(Buffer.from(`blob\nmark :${mark + version + 1}\ndata ${content.length}\n${content}\n`, "latin1"));
    }
    files.push(`M 100644 :${mark + VERSIONS} d${family % 100}/e${Math.floor(family / 100) % 20}/f${family}\n`);
    if (files.length === FILES_OF_COMMIT) {
      commits += 1;
      const head = `commit refs/heads/main\ncommitter T <t@example.com> ${1_700_000_000 + commits} +0000\n`;
      pieces.push(Buffer.from(`${head}data 2\nc\n${files.join("")}\n`));
      files = [];
    }
    if (family % BATCH === 0) {
      progress(`making a pack: ${Math.round((100 * family) / FAMILIES)} %`);
      if (!child.stdin.write(Buffer.concat(pieces))) await once(child.stdin, "drain");
      pieces = [];
    }
  }
  child.stdin.end(Buffer.concat(pieces));
  const [status]: unknown[] = await closed;
  progress("");
  if (status !== 0) throw new Error(`git fast-import left with ${status}`);
}

function versions(family: number): string[] {
  let content = randomBytes(RANDOM_BYTES).toString("base64").replace(/.{72}/g, "$&\n");
  return Array.from({ length: VERSIONS }, (_, version) => {
    if (version > 0)
      content = `${content.slice(0, 500 * version)}edit ${version} of ${family}\n${content.slice(500 * version + 20)}`;
    return content;
  });
}
