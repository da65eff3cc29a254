import { realpathSync, type Stats, statSync } from "node:fs";
import { join } from "node:path";
import { TreewireError } from "../util/index.js";
import { planConversion } from "./clean/conversion.js";
import { FileCleaner } from "./clean/file-cleaner.js";
import type { CleanFile } from "./clean/types.js";
import { Config, truth } from "./config/config.js";
import { loadConfig, loadConfigFile, loadUserConfig } from "./config/files.js";
import { type Discovery, discover, holdsRepository, isGitDirectory, readDotGit } from "./discover.js";
import { compareHeadWithIndex } from "./head-diff.js";
import { ParsedIndexFile } from "./index-file/index-file.js";
import { IndexReader } from "./index-file/index-reader.js";
import type { IndexFile } from "./index-file/types.js";
import type { BytePath } from "./io/byte-path.js";
import { fileSystemPath, textOfBytes } from "./io/byte-path.js";
import { corrupt, isAbsent, readIfAllowed, readWhole, unreadable } from "./io/files.js";
import { RememberedFiles } from "./io/remembered-files.js";
import type { TreeEntry } from "./objects/git-object.js";
import { MODE_TYPE } from "./objects/git-object.js";
import type { Oid } from "./objects/object-id.js";
import { ObjectStore } from "./objects/object-store.js";
import { readReplacements } from "./objects/replacements.js";
import { readCommitTree } from "./objects/tree-object.js";
import { checkOwnership } from "./ownership.js";
import { type HeadRef, headTarget, readHead } from "./refs/head.js";
import { readHeadByGit } from "./refs/reftable.js";
import type { Head } from "./refs/types.js";
import { AttributeFiles } from "./rules/attribute-files.js";
import type { AttributeValue } from "./rules/attributes.js";
import { diffAttributes } from "./rules/diff-attributes.js";
import { parseIgnoreFile, topIgnoreDirectory } from "./rules/ignore.js";
import { OrderFile } from "./rules/order-file.js";
import type { FileAttributes, IgnoreDirectory } from "./rules/types.js";
import {
  isBare,
  type RepositoryFormat,
  type RepositorySettings,
  readSettings,
  repositoryFormat,
  workingTreeRoot,
} from "./settings.js";
import { submoduleIgnore } from "./submodules.js";
import type { Repository, RepositoryPart, SubmoduleIgnore } from "./types.js";

/** How long a configured filter may take for one file, in milliseconds. */
const FILTER_TIME_LIMIT_MS = 30_000;
const BRANCHES = "refs/heads/";

/**
 * Opens the repository that a path is in.
 *
 * @param path any file or directory inside a working tree
 * @param environment for the places of user and system configuration, and the settings in it. `GIT_DIR` and the other
 *   variables that name one repository's parts do not count: the path says which repository is meant
 * @throws TreewireError `TW_PATH_NOT_FOUND`, `TW_PATH_UNREADABLE`, `TW_NOT_A_REPOSITORY`, `TW_BARE_REPOSITORY`,
 *   `TW_CORRUPT_REPOSITORY`, `TW_UNSUPPORTED_REPOSITORY`
 */
export async function openRepository(path: string, environment: NodeJS.ProcessEnv = process.env): Promise<Repository> {
  return new DiskRepository(discover(path, environment), environment);
}

/** Kinds of changes behind which stand a few small files. */
const COMPARED_KINDS: ReadonlySet<RepositoryPart> = new Set(["config", "ignore", "attributes"]);

class DiskRepository implements Repository {
  readonly root: string;
  readonly gitDir: string;
  readonly commonDir: string;
  readonly #environment: NodeJS.ProcessEnv;
  readonly #format: RepositoryFormat;
  readonly #objects: ObjectStore;
  readonly #remembered = new RememberedFiles();
  #config!: Config;
  #settings!: RepositorySettings;
  #indexReader!: IndexReader;
  #attributes!: AttributeFiles;
  #cleaner!: FileCleaner;
  #orderFile: OrderFile | undefined;
  /** By the attribute's value. */
  readonly #diffAttributes = new Map<AttributeValue | undefined, FileAttributes>();

  constructor({ top, gitDir, commonDir }: Discovery, environment: NodeJS.ProcessEnv) {
    this.gitDir = gitDir;
    this.commonDir = commonDir;
    this.#environment = environment;
    checkOwnership({ top, gitDir, commonDir }, () => loadUserConfig(environment), environment);
    const common = loadConfigFile(join(commonDir, "config"));
    this.#format = repositoryFormat(common, gitDir);
    const own = this.#ownConfig(common);
    if (isBare(own)) throw new TreewireError("TW_BARE_REPOSITORY", top);
    this.root = realDirectory(workingTreeRoot(own, gitDir, top));
    this.#objects = new ObjectStore(join(commonDir, "objects"), this.#format.objects, () => this.#replacements());
    this.#load();
    // remembered first and read after that: what changes in between is found by the first question
    this.revalidate(COMPARED_KINDS);
  }

  get trustsFileMode(): boolean {
    return this.#settings.stat.trustsFileMode;
  }

  get ignoresCase(): boolean {
    return this.#settings.ignoreCase;
  }

  get trustsSymlinks(): boolean {
    return this.#settings.stat.trustsSymlinks;
  }

  get clearsSkipWorktreeOfPresentFiles(): boolean {
    return this.#settings.clearsSkipWorktreeOfPresentFiles;
  }

  watchPaths(): ReadonlyMap<string, RepositoryPart> {
    const paths = new Map<string, RepositoryPart>();
    const add = (kind: RepositoryPart, ...added: (string | undefined)[]): void => {
      for (const path of added) if (path !== undefined) paths.set(path, kind);
    };
    const branch = headTarget(this.gitDir, this.#format.objects);
    add("head", join(this.gitDir, "HEAD"), join(this.commonDir, "packed-refs"));
    if (branch !== undefined) add("head", join(this.commonDir, textOfBytes(branch)));
    if (this.#format.refs === "reftable") {
      for (const directory of [this.gitDir, this.commonDir]) add("head", join(directory, "reftable", "tables.list"));
    }
    add("index", join(this.gitDir, "index"));

    add("config", ...this.#config.files, this.#settings.orderFile);
    add("ignore", join(this.commonDir, "info", "exclude"), this.#settings.excludesFile);
    add(
      "attributes",
      join(this.commonDir, "info", "attributes"),
      this.#settings.attributesFile,
      ...this.#systemAttributes,
    );
    add("objects", join(this.commonDir, "objects", "pack"));
    add("head", join(this.commonDir, "refs", "replace"));
    return paths;
  }

  invalidate(changes: Iterable<RepositoryPart>): void {
    for (const change of changes) {
      if (change === "head" || change === "config") this.#objects.forgetReplacements();
      const outdatesConfig = change === "head" && this.#config.hasAny("includeif.onbranch:");
      if (change === "config" || outdatesConfig) this.#load();
      else if (change === "attributes") this.#forgetAttributes();
      else if (change === "index") this.#indexReader.forget();
      else if (change === "objects") this.#objects.refresh();
      // HEAD and ignore files are read anew for each question.
    }
  }

  revalidate(doubts: Iterable<RepositoryPart>): ReadonlySet<RepositoryPart> {
    const changed = new Set(doubts);
    const kinds = [...this.watchPaths()].filter(([, kind]) => COMPARED_KINDS.has(kind) && changed.has(kind));
    const contents = this.#remembered.changes(kinds.map(([path]) => path));
    for (const kind of COMPARED_KINDS) {
      if (!kinds.some(([path, other]) => other === kind && contents.has(path))) changed.delete(kind);
    }
    this.invalidate(changed);
    this.#remembered.remember(contents);
    return changed;
  }

  async head(): Promise<Head> {
    const { ref, oid } = this.#readHead();
    const name = ref?.startsWith(BRANCHES) ? ref.slice(BRANCHES.length) : (ref?.slice("refs/".length) ?? "");
    const tree = oid === undefined ? this.#format.objects.emptyTree : readCommitTree(this.#objects, oid);
    return { branch: textOfBytes(name), commit: oid, tree };
  }

  async remoteOrigin(): Promise<string> {
    return this.#settings.remoteOrigin;
  }

  indexBytes(): number {
    return this.#indexReader.size();
  }

  index(): IndexFile {
    return this.#indexReader.read();
  }

  async headDifferences(index: IndexFile, tree: Oid): Promise<ReadonlyMap<BytePath, TreeEntry | undefined>> {
    if (!(index instanceof ParsedIndexFile)) throw new TypeError("not an index of this repository");
    return compareHeadWithIndex(this.#objects, this.#format.objects, index, tree);
  }

  async readBlob(oid: Oid): Promise<Uint8Array> {
    return this.#readBlob(oid);
  }

  isNestedRepository(path: BytePath): boolean {
    return holdsRepository(fileSystemPath(this.root, path));
  }

  blobSize(oid: Oid): number {
    return this.#objects.size(oid);
  }

  get bigFileThresholdBytes(): number {
    return this.#settings.bigFileThresholdBytes;
  }

  patchRank(path: BytePath): number | undefined {
    return this.#orderFile?.rank(path);
  }

  get renameLimit(): number | undefined {
    return this.#settings.renameLimit;
  }

  ignoreRules(rootIgnoreFile: Uint8Array | undefined): IgnoreDirectory {
    const { ignoreCase, excludesFile } = this.#settings;
    const files = [join(this.commonDir, "info", "exclude"), excludesFile];
    const outer = files.map((file) =>
      parseIgnoreFile(file === undefined ? undefined : readIfAllowed(file)?.bytes, ignoreCase),
    );
    return topIgnoreDirectory([parseIgnoreFile(rootIgnoreFile, ignoreCase), ...outer], ignoreCase);
  }

  readIgnoreFile(directory: BytePath): Uint8Array | undefined {
    const path = directory === "" ? ".gitignore" : `${directory}/.gitignore`;
    const bytes = readIfAllowed(fileSystemPath(this.root, path), false)?.bytes;
    if (bytes !== undefined) return bytes;
    const index = this.index();
    const position = index.find(path);
    return position >= 0 && index.skipWorktree(position) ? this.#readBlob(index.oid(position)) : undefined;
  }

  attributes(path: BytePath, tracked = true): FileAttributes {
    const diff = this.#attributes.of(path, tracked).get("diff");
    let known = this.#diffAttributes.get(diff);
    if (known === undefined) {
      known = diffAttributes(diff, this.#config);
      this.#diffAttributes.set(diff, known);
    }
    return known;
  }

  clean(path: BytePath, stats: Stats, indexOid: Oid | undefined): Promise<CleanFile> {
    return this.#cleaner.clean(path, stats, indexOid);
  }

  submoduleHead(path: BytePath): Oid | undefined {
    const gitDir = readDotGit(fileSystemPath(this.root, path));
    const commonDir = gitDir === undefined ? undefined : isGitDirectory(gitDir);
    if (gitDir === undefined || commonDir === undefined) return undefined;
    return readHead({ gitDir, commonDir, format: this.#format.objects }).oid;
  }

  submoduleIgnore(path: BytePath): SubmoduleIgnore {
    const gitmodules = readWhole(join(this.root, ".gitmodules"), false)?.bytes ?? this.#indexContent(".gitmodules");
    return submoduleIgnore(textOfBytes(path), gitmodules, this.#config);
  }

  /** The settings that may say where the working tree is: a linked one heeds only its own file. */
  #ownConfig(common: Config): Config {
    if (usesWorktreeConfig(common)) return loadConfigFile(join(this.gitDir, "config.worktree"));
    return this.gitDir === this.commonDir ? common : new Config([]);
  }

  #load(): void {
    const { gitDir, commonDir } = this;
    const local = [join(commonDir, "config")];
    if (usesWorktreeConfig(loadConfigFile(join(commonDir, "config")))) local.push(join(gitDir, "config.worktree"));
    const context = { gitDir, branch: () => this.#branchName() };
    this.#config = loadConfig({ local, environment: this.#environment }, context);
    this.#settings = readSettings(this.#config, this.root, this.#environment);
    this.#diffAttributes.clear();
    const { orderFile } = this.#settings;
    this.#orderFile = orderFile === undefined ? undefined : new OrderFile(orderFile);
    const { stat } = this.#settings;
    const format = this.#format.objects;
    this.#indexReader = new IndexReader(join(gitDir, "index"), format, stat, this.#objects);
    this.#forgetAttributes();
  }

  #readHead(): HeadRef {
    const { objects: format, refs } = this.#format;
    const places = { gitDir: this.gitDir, commonDir: this.commonDir, format };
    return refs === "files" ? readHead(places) : readHeadByGit(this.root, places, this.#environment);
  }

  #replacements(): ReadonlyMap<Oid, Oid> {
    const isOff = this.#environment.GIT_NO_REPLACE_OBJECTS !== undefined || !this.#settings.usesReplaceRefs;
    return isOff || this.#format.refs !== "files" ? new Map() : readReplacements(this.commonDir, this.#format.objects);
  }

  #branchName(): string {
    const target = headTarget(this.gitDir, this.#format.objects) ?? "";
    return target.startsWith(BRANCHES) ? textOfBytes(target.slice(BRANCHES.length)) : "";
  }

  #forgetAttributes(): void {
    const { ignoreCase, attributesFile, autoCrlf, bigFileThresholdBytes } = this.#settings;
    const config = this.#config;
    const system = this.#systemAttributes;
    const attributes = new AttributeFiles({
      root: this.root,
      ignoreCase,
      infoFile: join(this.commonDir, "info", "attributes"),
      outerFiles: attributesFile === undefined ? system : [attributesFile, ...system],
      indexContent: (path) => this.#indexContent(path),
    });
    this.#attributes = attributes;
    this.#cleaner = new FileCleaner({
      root: this.root,
      format: this.#format.objects,
      bigFileThresholdBytes,
      filterTimeLimitMs: FILTER_TIME_LIMIT_MS,
      conversion: (path, tracked) => planConversion(attributes.of(path, tracked), config, autoCrlf),
      readBlob: (oid) => this.#readBlob(oid),
    });
  }

  get #systemAttributes(): string[] {
    return truth(this.#environment.GIT_ATTR_NOSYSTEM ?? "") === true ? [] : ["/etc/gitattributes"];
  }

  #indexContent(path: BytePath): Uint8Array | undefined {
    const index = this.index();
    const position = index.find(path);
    if (position < 0 || (index.mode(position) & MODE_TYPE) !== 0o100000) return undefined;
    return this.#readBlob(index.oid(position));
  }

  #readBlob(oid: Oid): Buffer {
    if (oid === this.#format.objects.emptyBlob) return Buffer.alloc(0);
    const { type, content } = this.#objects.read(oid);
    if (type !== "blob") throw corrupt(`object ${oid}`, `a ${type} where a blob should be`);
    return content;
  }
}

function usesWorktreeConfig(common: Config): boolean {
  return common.boolean("extensions.worktreeconfig", false);
}

function realDirectory(path: string): string {
  try {
    if (!statSync(path).isDirectory()) throw new TreewireError("TW_PATH_NOT_FOUND", path, { detail: "no directory" });
    return realpathSync(path);
  } catch (thrown) {
    if (thrown instanceof TreewireError) throw thrown;
    if (isAbsent(thrown)) throw new TreewireError("TW_PATH_NOT_FOUND", path, { cause: thrown });
    throw unreadable(path, thrown);
  }
}
