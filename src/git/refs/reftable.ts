import { spawnSync } from "node:child_process";
import { messageOf, TreewireError } from "../../util/index.js";
import { bytesOfText, textOfBytes } from "../io/byte-path.js";
import { corrupt } from "../io/files.js";
import { isOid } from "../objects/object-id.js";
import type { HeadRef } from "./head.js";
import type { RefPlaces } from "./ref-files.js";

/** Git answers within milliseconds; this is for a machine that stands still. */
const GIT_TIME_LIMIT_MS = 10_000;
/** Times that HEAD is asked for again because it moved meanwhile. */
const MAX_TRIES = 10;

/**
 * Asks the git program what HEAD is, in a repository whose refs are stored as reftables, which nothing here reads.
 *
 * @param root the working tree
 * @throws TreewireError `TW_UNSUPPORTED_REPOSITORY` when git is missing or too old, `TW_CORRUPT_REPOSITORY` when its
 *   answer makes no sense, `TW_TREE_UNREADABLE` when HEAD moves all the time
 */
export function readHeadByGit(root: string, places: RefPlaces, environment: NodeJS.ProcessEnv): HeadRef {
  const ask = (...args: string[]): string => askGit(root, args, places.gitDir, environment);
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const ref = ask("symbolic-ref", "-q", "HEAD");
    const oid = ask("rev-parse", "-q", "--verify", "HEAD");
    if (ask("symbolic-ref", "-q", "HEAD") !== ref) continue;
    if (oid !== "" && !isOid(oid, places.format)) throw corrupt(places.gitDir, `git says that HEAD is ${oid}`);
    return { ref: ref === "" ? undefined : ref, oid: oid === "" ? undefined : oid };
  }
  throw new TreewireError("TW_TREE_UNREADABLE", places.gitDir, { detail: "HEAD moved each time that git was asked" });
}

/**
 * The same for any ref. @param name in full, one character per byte
 * @returns `undefined` when there is none, or its name is no text
 */
export function readRefByGit(
  root: string,
  places: RefPlaces,
  name: string,
  environment: NodeJS.ProcessEnv,
): HeadRef | undefined {
  const text = textOfBytes(name);
  if (bytesOfText(text) !== name || text.startsWith("-")) return undefined;
  const oid = askGit(root, ["rev-parse", "-q", "--verify", text], places.gitDir, environment);
  if (oid === "") return undefined;
  if (!isOid(oid, places.format)) throw corrupt(places.gitDir, `git says that ${text} is ${oid}`);
  return { ref: name, oid };
}

/** @returns standard output without the line feed; "" when git says no without a word */
function askGit(root: string, args: readonly string[], gitDir: string, environment: NodeJS.ProcessEnv): string {
  const env = { ...environment, GIT_OPTIONAL_LOCKS: "0", GIT_NO_LAZY_FETCH: "1", LC_ALL: "C" };
  const options = { env, timeout: GIT_TIME_LIMIT_MS };
  const run = spawnSync("git", ["-C", root, ...args], options);
  const complaint = run.error === undefined ? run.stderr.toString().trim() : messageOf(run.error);
  if (run.status === 0 || (run.status === 1 && complaint === "")) return run.stdout.toString().trimEnd();
  throw new TreewireError("TW_UNSUPPORTED_REPOSITORY", gitDir, {
    detail: `extensions.refStorage=reftable, and git can't read it: ${complaint}`,
    cause: run.error,
  });
}
