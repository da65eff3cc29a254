import { printable, TreewireError } from "../../util/index.js";
import type { Config } from "../config/config.js";
import type { BytePath } from "../io/byte-path.js";
import { textOfBytes } from "../io/byte-path.js";
import type { AttributeValue } from "../rules/attributes.js";

/**
 * Whose filters are run. `user`: those of system, global and command scope, as `git config --show-scope` calls them:
 * the repository's own configuration neither defines a filter nor changes one that is defined there; `all`: as git
 * does; `none`: no filter.
 */
export type FilterPolicy = "user" | "all" | "none";

/**
 * What `filter=<driver>` means for a file. The command always comes from configuration: an attributes file, which
 * anybody may commit, only names the driver.
 */
export type CleanFilter =
  /** Git LFS's own filter, whose pointers are computed here. */
  | { kind: "lfs" }
  /** A command that is run once for each file. */
  | { kind: "command"; name: string; command: string; required: boolean }
  /** A program that is started once and asked file by file. */
  | { kind: "process"; name: string; command: string; required: boolean }
  /** Required, and not configured: git can't read the file, and neither can we. */
  | { kind: "missing"; name: string }
  /** Git would run a filter that the policy refuses: nobody knows the content. The name has no control characters. */
  | { kind: "refused"; name: string };

/** What configuration says of a driver. */
interface Definition {
  /** `undefined`: nothing; "": that nothing is to be run. */
  readonly command: string | undefined;
  readonly kind: "command" | "process";
  readonly required: boolean;
}

/**
 * The commands that `git lfs install` writes, of all versions. Anything else might do more than Git LFS does.
 * <https://github.com/git-lfs/git-lfs/blob/main/lfs/attribute.go>
 */
const LFS_COMMAND = /^git[- ]lfs (?:filter-process(?: --skip)?|clean(?: --skip)?(?: --)? %f)$/;

/** Programs that Git LFS itself runs on a file. */
const LFS_EXTENSIONS = "lfs.extension.";

/**
 * Settles what is to be done with a file's content.
 *
 * @param value of the attribute `filter`
 * @returns `undefined` when nothing is to be run: then the content is taken as it is
 */
export function cleanFilter(
  value: AttributeValue | undefined,
  config: Config,
  policy: FilterPolicy,
): CleanFilter | undefined {
  if (typeof value !== "string" || value === "") return undefined;
  const name = textOfBytes(value);
  const ofUser = definitionOf(name, config.users);
  const isOfUser = policy === "user" && ofUser.command !== undefined;
  const { kind, command, required } = isOfUser ? ofUser : definitionOf(name, config);
  if (!command) return required ? { kind: "missing", name } : undefined;
  const isLfs = LFS_COMMAND.test(command);
  // its pointers follow from the bytes alone, so that nobody has to be trusted for them
  if (isLfs && !config.hasAny(LFS_EXTENSIONS)) return { kind: "lfs" };
  const isRun = policy === "all" || (isOfUser && !(isLfs && config.hasOwn(LFS_EXTENSIONS)));
  return isRun ? { kind, name, command, required } : { kind: "refused", name: printable(name) };
}

function definitionOf(name: string, config: Config): Definition {
  const process = config.get(`filter.${name}.process`);
  const required = config.boolean(`filter.${name}.required`, false);
  if (process !== undefined) return { kind: "process", command: process, required };
  return { kind: "command", command: config.get(`filter.${name}.clean`), required };
}

/** An error for people about a file whose filter did not do its work. */
export function filterFailed(path: BytePath, name: string, detail: string, cause?: unknown): TreewireError {
  return new TreewireError("TW_FILTER_FAILED", textOfBytes(path), { detail: `filter "${name}": ${detail}`, cause });
}
