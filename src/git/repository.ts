import { statSync } from "node:fs";
import { join } from "node:path";
import { isAbsent, TreewireError } from "../util/index.js";
import type { FilterPolicy } from "./clean/clean-filter.js";
import type { CleanFile, FileLook, SlowReading } from "./clean/types.js";
import { Config } from "./config/config.js";
import { loadConfigFile, loadUserConfig } from "./config/files.js";
import { checkConfinement, isAtOrBelow } from "./confinement.js";
import { decidingPaths } from "./deciding-paths.js";
import { commonDirOf, type Discovery, discover, holdsRepository, resolveGitDir } from "./discover.js";
import { compareHeadWithIndex } from "./head-diff.js";
import { type HistorySource, historySource } from "./history-source.js";
import { ParsedIndexFile } from "./index-file/index-file.js";
import type { IndexFile } from "./index-file/types.js";
import type { BytePath } from "./io/byte-path.js";
import { bytesOfText, fileSystemPath, textOfBytes } from "./io/byte-path.js";
import { unreadable } from "./io/files.js";
import { realPath } from "./io/real-path.js";
import { RememberedFiles } from "./io/remembered-files.js";
import { LoadedRepository, type RepositoryPlaces, shortName, usesWorktreeConfig } from "./loaded-repository.js";
import type { TreeEntry } from "./objects/git-object.js";
import type { Oid } from "./objects/object-id.js";
import { ObjectStore, objectDirectories } from "./objects/object-store.js";
import { readReplacements } from "./objects/replacements.js";
import { readCommitTree } from "./objects/tree-object.js";
import { checkOwnership } from "./ownership.js";
import { type HeadRef, headChain, readHead } from "./refs/head.js";
import type { RefPlaces } from "./refs/ref-files.js";
import { readHeadByGit, readRefByGit } from "./refs/reftable.js";
import type { Head } from "./refs/types.js";
import type { FileAttributes, IgnoreDirectory } from "./rules/types.js";
import { hasWorkingTreeRoot, isBare, type RepositoryFormat, repositoryFormat, workingTreeRoot } from "./settings.js";
import type { Repository, RepositoryPart, SubmoduleIgnore } from "./types.js";

/**
 * Opens the repository that a path is in.
 *
 * @param path any file or directory inside a working tree
 * @param environment for the places of user and system configuration, and the settings in it. `GIT_DIR` and the other
 *   variables that name one repository's parts do not count: the path says which repository is meant
 * @param filters whose filters are run; those of the repository's own configuration are not, by default
 * @param allowed directories that it must show nothing from outside of, as {@link checkConfinement} takes them. Default:
 *   anything may be shown
 * @throws TreewireError `TW_PATH_NOT_FOUND`, `TW_PATH_UNREADABLE`, `TW_NOT_A_REPOSITORY`, `TW_BARE_REPOSITORY`,
 *   `TW_UNTRUSTED_REPOSITORY`, `TW_CORRUPT_REPOSITORY`, `TW_UNSUPPORTED_REPOSITORY`, `TW_BAD_GIT_CONFIG`,
 *   `TW_PATH_REFUSED`
 */
export function openRepository(
  path: string,
  environment: NodeJS.ProcessEnv = process.env,
  filters: FilterPolicy = "user",
  allowed?: readonly string[],
): Repository {
  return new DiskRepository(path, discover(path, environment), { environment, filters, allowed });
}

/** The parts that a few small files decide: they have changed only when the content of such a file has. */
const COMPARED_PARTS: ReadonlySet<RepositoryPart> = new Set(["config", "ignore", "attributes"]);

interface OpenOptions {
  environment: NodeJS.ProcessEnv;
  filters: FilterPolicy;
  allowed: readonly string[] | undefined;
}

/** Answers from what is loaded, and says which change makes it load what anew. */
class DiskRepository implements Repository {
  readonly root: string;
  readonly top: string;
  readonly gitDir: string;
  readonly commonDir: string;
  readonly identity: string;
  readonly #environment: NodeJS.ProcessEnv;
  readonly #allowed: readonly string[] | undefined;
  readonly #format: RepositoryFormat;
  readonly #objects: ObjectStore;
  readonly #places: RepositoryPlaces;
  readonly #remembered = new RememberedFiles();
  #loaded: LoadedRepository;

  /** @param path as it was named, for errors */
  constructor(path: string, { top, gitDir, commonDir }: Discovery, { environment, filters, allowed }: OpenOptions) {
    this.top = top;
    this.gitDir = gitDir;
    this.commonDir = commonDir;
    this.#environment = environment;
    this.#allowed = allowed;
    checkOwnership({ top, gitDir, commonDir }, () => loadUserConfig(environment), environment);
    const common = loadConfigFile(join(commonDir, "config"));
    this.#format = repositoryFormat(common, gitDir);
    const own = ownConfig(common, gitDir, commonDir);
    if (isBare(own)) throw new TreewireError("TW_BARE_REPOSITORY", top);
    this.root = realDirectory(workingTreeRoot(own, gitDir, top));
    this.identity = identityOf([this.root, gitDir, commonDir], this.#format);
    const format = this.#format.objects;
    if (allowed !== undefined) {
      const { root, isConfigured } = { root: this.root, isConfigured: hasWorkingTreeRoot(own) };
      const refFiles = headChain({ gitDir, commonDir, format }).files;
      checkConfinement(path, { top, gitDir, commonDir, root, isConfigured, refFiles }, allowed, environment);
    }
    this.#objects = new ObjectStore(join(commonDir, "objects"), format, () => this.#replacements());
    const onRead = this.#remembered.use;
    this.#places = { root: this.root, gitDir, commonDir, format, objects: this.#objects, environment, filters, onRead };
    this.#loaded = new LoadedRepository(this.#places);
    // The contents are remembered first and read after that: the first question finds what changes in between.
    this.revalidate(COMPARED_PARTS);
  }

  get trustsFileMode(): boolean {
    return this.#loaded.settings.stat.trustsFileMode;
  }

  get ignoresCase(): boolean {
    return this.#loaded.settings.ignoreCase;
  }

  get trustsSymlinks(): boolean {
    return this.#loaded.settings.stat.trustsSymlinks;
  }

  get clearsSkipWorktreeOfPresentFiles(): boolean {
    return this.#loaded.settings.clearsSkipWorktreeOfPresentFiles;
  }

  get bigFileThresholdBytes(): number {
    return this.#loaded.settings.bigFileThresholdBytes;
  }

  get renameLimit(): number | undefined {
    return this.#loaded.settings.renameLimit;
  }

  watchPaths(): ReadonlyMap<string, RepositoryPart> {
    const { gitDir, commonDir } = this;
    const paths = new Map<BytePath, RepositoryPart>();
    const add = (path: string, part: RepositoryPart): unknown => paths.set(bytesOfText(path), part);
    const { files } = headChain({ gitDir, commonDir, format: this.#format.objects });
    for (const path of files) paths.set(path, "head");
    add(join(commonDir, "packed-refs"), "head");
    add(`${join(commonDir, "refs", "replace")}/`, "head");
    if (this.#format.refs === "reftable") {
      for (const directory of [gitDir, commonDir]) add(join(directory, "reftable", "tables.list"), "head");
    }
    add(join(gitDir, "index"), "index");
    for (const directory of objectDirectories(join(commonDir, "objects"))) {
      add(`${join(directory, "pack")}/`, "objects");
      add(join(directory, "info", "alternates"), "objects");
    }
    for (const [path, part] of this.#loaded.watchPaths()) add(path, part);
    return paths;
  }

  submoduleWatchPaths(path: BytePath): BytePath[] {
    const directory = `${bytesOfText(this.root)}/${path}`;
    let places: RefPlaces | undefined;
    try {
      places = this.#submodulePlaces(path);
    } catch (thrown) {
      if (!(thrown instanceof TreewireError)) throw thrown; // where it leads nowhere, the way to there is all there is
    }
    return [...decidingPaths(directory), ...(places === undefined ? [] : headChain(places).files)];
  }

  invalidate(changes: Iterable<RepositoryPart>): void {
    const parts = new Set(changes);
    // HEAD decides what `onbranch` includes; every other condition looks at what stays, or at configuration
    const includesByBranch = parts.has("head") && this.#loaded.config.hasAny("includeif.onbranch:");
    if (parts.has("config") || includesByBranch) this.#loaded = new LoadedRepository(this.#places);
    else if (parts.has("attributes")) this.#loaded.forgetAttributes();
    if (parts.has("head") || parts.has("config")) this.#objects.forgetReplacements();
    if (parts.has("index")) this.#loaded.index.forget();
    if (parts.has("objects")) this.#objects.refresh();
    // HEAD and ignore files are read anew for each question.
  }

  revalidate(suspected: Iterable<RepositoryPart>): ReadonlySet<RepositoryPart> {
    const changed = new Set(suspected);
    const compared = [...this.#loaded.watchPaths()].filter(([, part]) => changed.has(part));
    const contents = this.#remembered.changes(compared.map(([path]) => path));
    for (const part of COMPARED_PARTS) {
      if (!compared.some(([path, other]) => other === part && contents.has(path))) changed.delete(part);
    }
    const before = this.#loaded.config;
    this.invalidate(changed);
    if (!this.#loaded.config.equals(before)) changed.add("config"); // another branch has other settings
    this.#remembered.remember(contents);
    return changed;
  }

  head(): Head {
    const { ref, oid } = this.#readHead();
    const isBranch = ref === undefined || ref.startsWith("refs/heads/");
    const branch = isBranch ? shortName(ref) : textOfBytes(ref.slice("refs/".length));
    const tree = oid === undefined ? this.#format.objects.emptyTree : readCommitTree(this.#objects, oid);
    return { branch, commit: oid, tree };
  }

  remoteOrigin(): string {
    return this.#loaded.settings.remoteOrigin;
  }

  indexBytes(): number {
    return this.#loaded.index.size();
  }

  index(): IndexFile {
    return this.#loaded.index.read();
  }

  headDifferences(index: IndexFile, tree: Oid): ReadonlyMap<BytePath, TreeEntry | undefined> {
    if (!(index instanceof ParsedIndexFile)) throw new TypeError("not an index of this repository");
    return compareHeadWithIndex(this.#objects, this.#format.objects, index, tree);
  }

  readBlob(oid: Oid): Uint8Array {
    return this.#loaded.readBlob(oid);
  }

  blobSize(oid: Oid): number {
    return this.#objects.size(oid);
  }

  isNestedRepository(path: BytePath): boolean {
    return holdsRepository(fileSystemPath(this.root, path));
  }

  patchRank(path: BytePath): number | undefined {
    return this.#loaded.orderFile?.rank(path);
  }

  ignoreRules(rootIgnoreFile: Uint8Array | undefined): IgnoreDirectory {
    return this.#loaded.ignoreRules(rootIgnoreFile);
  }

  readIgnoreFile(directory: BytePath): Uint8Array | undefined {
    return this.#loaded.readIgnoreFile(directory);
  }

  attributes(path: BytePath, tracked = true): FileAttributes {
    return this.#loaded.attributes(path, tracked);
  }

  clean(path: BytePath, look: FileLook, indexOid: Oid | undefined, signal?: AbortSignal): Promise<CleanFile> {
    return this.#loaded.clean(path, look, indexOid, signal);
  }

  slowReading(path: BytePath, look: FileLook, indexOid: Oid | undefined): SlowReading | undefined {
    return this.#loaded.slowReading(path, look, indexOid);
  }

  submoduleHead(path: BytePath): Oid | undefined {
    const places = this.#submodulePlaces(path);
    return places && readHead(places).oid;
  }

  submoduleIgnore(path: BytePath): SubmoduleIgnore {
    return this.#loaded.submoduleIgnore(path);
  }

  historySource(): HistorySource {
    const places = this.#refPlaces();
    return historySource({
      places,
      objects: this.#objects,
      config: this.#loaded.config,
      readHead: () => this.#readHead(),
      readRef:
        this.#format.refs === "files" ? undefined : (name) => readRefByGit(this.root, places, name, this.#environment),
    });
  }

  /**
   * `undefined` where no repository is, or none that may be shown.
   * @throws TreewireError `TW_PATH_REFUSED`, and where a pointer leads nowhere
   */
  #submodulePlaces(path: BytePath): RefPlaces | undefined {
    const directory = fileSystemPath(this.root, path);
    const gitDir = resolveGitDir(directory);
    const commonDir = gitDir === undefined ? undefined : commonDirOf(gitDir);
    if (gitDir === undefined || commonDir === undefined) return undefined;
    if (!this.#isSubmoduleAllowed(directory.toString(), gitDir)) return undefined;
    return { gitDir, commonDir, format: this.#format.objects };
  }

  /**
   * Whether this is the git directory of a repository that leads out of nowhere; one that cannot be opened has nothing to
   * show but its HEAD.
   * @throws TreewireError `TW_PATH_REFUSED`
   */
  #isSubmoduleAllowed(directory: string, gitDir: string): boolean {
    if (this.#allowed === undefined) return true;
    try {
      return openRepository(directory, this.#environment, "none", [...this.#allowed, this.root]).gitDir === gitDir;
    } catch (error) {
      if (error instanceof TreewireError && error.code === "TW_PATH_REFUSED") throw error;
      return isAtOrBelow(gitDir, this.root);
    }
  }

  #refPlaces(): RefPlaces {
    return { gitDir: this.gitDir, commonDir: this.commonDir, format: this.#format.objects };
  }

  #readHead(): HeadRef {
    const places = this.#refPlaces();
    return this.#format.refs === "files" ? readHead(places) : readHeadByGit(this.root, places, this.#environment);
  }

  #replacements(): ReadonlyMap<Oid, Oid> {
    const isOff = this.#environment.GIT_NO_REPLACE_OBJECTS !== undefined || !this.#loaded.settings.usesReplaceRefs;
    return isOff || this.#format.refs !== "files" ? new Map() : readReplacements(this.commonDir, this.#format.objects);
  }
}

/** The settings that may say where the working tree is: those of a linked one stand in its own file alone. */
function ownConfig(common: Config, gitDir: string, commonDir: string): Config {
  if (usesWorktreeConfig(common)) return loadConfigFile(join(gitDir, "config.worktree"));
  return gitDir === commonDir ? common : new Config([]);
}

/** What tells a repository from another one that takes its place: another directory, or another format. */
function identityOf(directories: readonly string[], format: RepositoryFormat): string {
  const parts = directories.map((path) => {
    const { dev, ino, birthtimeNs } = statSync(path, { bigint: true });
    return `${path} ${dev} ${ino} ${birthtimeNs}`;
  });
  return [...parts, format.objects.name, format.refs].join("\n");
}

function realDirectory(path: string): string {
  try {
    if (!statSync(path).isDirectory()) throw new TreewireError("TW_PATH_NOT_FOUND", path, { detail: "no directory" });
    return realPath(path);
  } catch (thrown) {
    if (thrown instanceof TreewireError) throw thrown;
    if (isAbsent(thrown)) throw new TreewireError("TW_PATH_NOT_FOUND", path, { cause: thrown });
    throw unreadable(path, thrown);
  }
}
