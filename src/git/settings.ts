import { TreewireError } from "../util/index.js";
import type { AutoCrlf } from "./clean/line-endings.js";
import type { Config } from "./config/config.js";
import { expandHome, xdgConfigFile } from "./config/user-files.js";
import type { StatRules } from "./index-file/types.js";
import { pathFrom } from "./io/byte-path.js";
import { type ObjectFormat, SHA1, SHA256 } from "./objects/object-id.js";

/** The settings that decide what is read and how, out of a {@link Config}. */
export interface RepositorySettings {
  stat: StatRules;
  ignoreCase: boolean;
  autoCrlf: AutoCrlf;
  bigFileThresholdBytes: number;
  /** `diff.renameLimit`; 0 or less: none. */
  renameLimit: number | undefined;
  /** Absolute; `undefined` when there can be none. */
  excludesFile: string | undefined;
  attributesFile: string | undefined;
  orderFile: string | undefined;
  remoteOrigin: string;
  clearsSkipWorktreeOfPresentFiles: boolean;
  usesReplaceRefs: boolean;
}

/** Git's default of `core.bigFileThreshold`. */
const BIG_FILE_BYTES = 512 * 2 ** 20;

/** @param root where relative paths start: the top of the working tree */
export function readSettings(config: Config, root: string, environment: NodeJS.ProcessEnv): RepositorySettings {
  const file = (name: string, fallback?: string): string | undefined => {
    const value = config.get(name);
    if (value === undefined) return fallback;
    return value === "" ? undefined : pathFrom(root, expandHome(value, environment));
  };
  return {
    stat: {
      trustsCtime: config.boolean("core.trustctime", true),
      checksAll: config.get("core.checkstat")?.toLowerCase() !== "minimal",
      trustsFileMode: config.boolean("core.filemode", true),
      trustsSymlinks: config.boolean("core.symlinks", true),
    },
    ignoreCase: config.boolean("core.ignorecase", false),
    autoCrlf: config.get("core.autocrlf")?.toLowerCase() === "input" ? "input" : config.boolean("core.autocrlf", false),
    bigFileThresholdBytes: config.integer("core.bigfilethreshold", BIG_FILE_BYTES),
    renameLimit: config.get("diff.renamelimit") === undefined ? undefined : config.integer("diff.renamelimit", 0),
    excludesFile: file("core.excludesfile", xdgConfigFile("ignore", environment)),
    attributesFile: file("core.attributesfile", xdgConfigFile("attributes", environment)),
    orderFile: file("diff.orderfile"),
    remoteOrigin: config.get("remote.origin.url") ?? "",
    usesReplaceRefs: config.boolean("core.usereplacerefs", true),
    clearsSkipWorktreeOfPresentFiles:
      config.boolean("core.sparsecheckout", false) && !config.boolean("sparse.expectfilesoutsideofpatterns", false),
  };
}

/** How a repository stores its objects and refs. */
export interface RepositoryFormat {
  objects: ObjectFormat;
  refs: "files" | "reftable";
}

/** Extensions of the repository format that change nothing for a reader, or that are read here. */
const KNOWN_EXTENSIONS = new Set([
  "noop",
  "noop-v1",
  "objectformat",
  "partialclone",
  "preciousobjects",
  "relativeworktrees",
  "worktreeconfig",
]);

/**
 * Reads the format, and refuses one that can't be read. Rules: <https://git-scm.com/docs/repository-version>.
 * @param config the repository's own settings
 * @throws TreewireError `TW_UNSUPPORTED_REPOSITORY` naming the feature
 */
export function repositoryFormat(config: Config, gitDir: string): RepositoryFormat {
  const version = config.integer("core.repositoryformatversion", 0);
  const unsupported = (detail: string): never => {
    throw new TreewireError("TW_UNSUPPORTED_REPOSITORY", gitDir, { detail });
  };
  if (version > 1) unsupported(`core.repositoryFormatVersion ${version}`);
  if (version < 1) return { objects: SHA1, refs: "files" };
  for (const name of config.names("extensions.")) {
    const value = config.get(name) ?? "";
    if (name === "extensions.refstorage" && (value === "files" || value === "reftable")) continue;
    if (!KNOWN_EXTENSIONS.has(name.slice("extensions.".length)))
      unsupported(`${name}${value === "" ? "" : `=${value}`}`);
  }
  const format = config.get("extensions.objectformat") ?? "sha1";
  if (format !== "sha1" && format !== "sha256") unsupported(`extensions.objectFormat=${format}`);
  const refs = config.get("extensions.refstorage") === "reftable" ? "reftable" : "files";
  return { objects: format === "sha256" ? SHA256 : SHA1, refs };
}

/** The working tree's root, as `core.worktree` may move it. @param own the settings that speak of this working tree */
export function workingTreeRoot(own: Config, gitDir: string, top: string): string {
  const configured = own.get("core.worktree");
  return configured === undefined || configured === "" ? top : pathFrom(gitDir, configured);
}

/** Whether the settings say where the working tree is. */
export function hasWorkingTreeRoot(own: Config): boolean {
  return Boolean(own.get("core.worktree"));
}

/** Whether the settings say that there is no working tree. */
export function isBare(own: Config): boolean {
  return own.boolean("core.bare", false);
}
