import { createHash } from "node:crypto";
import type { Config } from "./config/config.js";
import { type BytePath, bytesOfText } from "./io/byte-path.js";
import { CommitGraph } from "./objects/commit-graph.js";
import { CommitTable } from "./objects/commit-table.js";
import type { GitObject, ObjectType } from "./objects/git-object.js";
import { readGrafts } from "./objects/grafts.js";
import type { ObjectFormat, Oid } from "./objects/object-id.js";
import { type ObjectStore, objectDirectories } from "./objects/object-store.js";
import { readCommitTree, readTree, type TreeItem } from "./objects/tree-object.js";
import type { HeadRef } from "./refs/head.js";
import { readRef, refFiles } from "./refs/ref.js";
import type { RefPlaces } from "./refs/ref-files.js";

/** What of a repository its history is read from: objects of any type, refs and settings. Read anew for each question. */
export interface HistorySource {
  readonly format: ObjectFormat;
  /** An object, or the one that replaces it. @throws TreewireError `TW_CORRUPT_REPOSITORY`, `TW_NOT_FETCHED` */
  object(oid: Oid): GitObject;
  /** The entries of a tree, in git's order. @throws like {@link object} */
  tree(oid: Oid): TreeItem[];
  /** The id of a commit's tree. @throws like {@link object} */
  commitTree(oid: Oid): Oid;
  /** The ids of the objects that begin so. @param prefix lower-case hexadecimal digits */
  withPrefix(prefix: string): Oid[];
  /** Every commit, with the parents that grafts give it; to be closed. */
  commits(): CommitTable;
  /** The files besides refs that decide what history is: absolute byte paths, a directory with a `/` behind it. */
  alterationFiles(): BytePath[];
  /** Differs when grafts, replaced objects or the end of a shallow clone do: other histories of the same commits. */
  alterations(): string;
  /** What HEAD points to, before any object is looked at. */
  head(): HeadRef;
  /** A ref's last name and object id; `undefined` when there is none. @param name in full, one character per byte */
  ref(name: BytePath): HeadRef | undefined;
  /** The files that decide what a ref is: absolute byte paths. @param name in full, one character per byte */
  refFiles(name: BytePath): BytePath[];
  /** A setting of any of git's configuration files. @param name section and key in lower case */
  setting(name: string): string | undefined;
  /** Every value of a setting, in order. */
  settings(name: string): string[];
  /** The names of settings that begin so, each once. */
  settingNames(prefix: string): string[];
}

/** So many objects are looked at to tell whose id was abbreviated. */
const MAX_CANDIDATES = 100;

export interface HistoryParts {
  places: RefPlaces;
  objects: ObjectStore;
  config: Config;
  readHead: () => HeadRef;
  /** Reads one ref where refs are no files; `undefined`: they are. */
  readRef: ((name: BytePath) => HeadRef | undefined) | undefined;
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** @returns {@link HistorySource} of what is given, as long as the configuration stays */
export function historySource(parts: HistoryParts): HistorySource {
  const { places, objects, config } = parts;
  const { format, commonDir } = places;
  return {
    format,
    object: (oid) => {
      if (oid !== format.emptyTree) return objects.read(oid);
      return { type: "tree" satisfies ObjectType, content: Buffer.alloc(0) };
    },
    tree: (oid) => readTree(objects, oid, format),
    commitTree: (oid) => readCommitTree(objects, oid),
    withPrefix: (prefix) => objects.withPrefix(prefix, MAX_CANDIDATES),
    commits: () => {
      const grafts = readGrafts(commonDir, format);
      // Git does not believe its commit graph where history is made another one than the commits say.
      const isTrue = grafts.parents.size === 0 && !objects.hasReplacements && config.boolean("core.commitgraph", true);
      const graph = isTrue ? CommitGraph.open(objectDirectories(`${commonDir}/objects`), format) : undefined;
      return new CommitTable({ objects: objects.forManyReads(), format, grafts, graph });
    },
    alterationFiles: () =>
      ["shallow", "info/grafts", "refs/replace/"].map((name) => bytesOfText(`${commonDir}/${name}`)),
    alterations: () => {
      const { parents } = readGrafts(commonDir, format);
      const lines = [...parents].map(([commit, others]) => `${commit} ${others.join(" ")}`);
      const replaced = [...objects.replacements].map(([oid, by]) => `${oid}>${by}`);
      return lines.length + replaced.length === 0 ? "" : digest([...lines, ...replaced].sort().join("\n"));
    },
    head: parts.readHead,
    ref: parts.readRef ?? ((name) => readRef(places, name)),
    refFiles: (name) => refFiles(places, name),
    setting: (name) => config.get(name),
    settings: (name) => config.all(name),
    settingNames: (prefix) => config.names(prefix),
  };
}
