import { join } from "node:path";
import type { FilterPolicy } from "./clean/clean-filter.js";
import { planConversion } from "./clean/conversion.js";
import { FileCleaner } from "./clean/file-cleaner.js";
import { FILTER_LIMITS } from "./clean/filter-limits.js";
import type { CleanFile, FileLook, SlowReading } from "./clean/types.js";
import { type Config, truth } from "./config/config.js";
import { loadConfig, loadConfigFile } from "./config/files.js";
import { IndexReader } from "./index-file/index-reader.js";
import type { BytePath } from "./io/byte-path.js";
import { fileSystemPath, textOfBytes } from "./io/byte-path.js";
import { corrupt, readIfAllowed, readWhole } from "./io/files.js";
import type { ReadListener } from "./io/remembered-files.js";
import { MODE_FILE, MODE_TYPE } from "./objects/git-object.js";
import type { ObjectFormat, Oid } from "./objects/object-id.js";
import type { ObjectStore } from "./objects/object-store.js";
import { headChain } from "./refs/head.js";
import { AttributeFiles } from "./rules/attribute-files.js";
import type { AttributeValue } from "./rules/attributes.js";
import { diffAttributes } from "./rules/diff-attributes.js";
import { parseIgnoreFile, topIgnoreDirectory } from "./rules/ignore.js";
import { OrderFile } from "./rules/order-file.js";
import type { FileAttributes, IgnoreDirectory } from "./rules/types.js";
import { type RepositorySettings, readSettings } from "./settings.js";
import { submoduleIgnore } from "./submodules.js";
import type { RepositoryPart, SubmoduleIgnore } from "./types.js";

const BRANCHES = "refs/heads/";

/** What of a repository stays the same for as long as it is open. */
export interface RepositoryPlaces {
  /** Absolute path of the working tree, links resolved. */
  root: string;
  /** Absolute path of the working tree's own git directory. */
  gitDir: string;
  /** Absolute path of the git directory that holds objects, refs and configuration. */
  commonDir: string;
  format: ObjectFormat;
  objects: ObjectStore;
  environment: NodeJS.ProcessEnv;
  filters: FilterPolicy;
  /** Told of what is read of the files of {@link LoadedRepository.watchPaths}. */
  onRead: ReadListener;
}

/**
 * Everything that depends on a repository's configuration, as it is when this is made. Nothing of it is adjusted when
 * the configuration changes: the repository makes a new one and puts it in this one's place.
 */
export class LoadedRepository {
  readonly config: Config;
  readonly settings: RepositorySettings;
  readonly index: IndexReader;
  /** `undefined` without `diff.orderFile`. */
  readonly orderFile: OrderFile | undefined;
  readonly #places: RepositoryPlaces;
  /** By the value of the `diff` attribute. */
  readonly #diffAttributes = new Map<AttributeValue | undefined, FileAttributes>();
  #attributeFiles!: AttributeFiles;
  #cleaner!: FileCleaner;

  /** @throws TreewireError when the configuration can't be read or breaks its syntax */
  constructor(places: RepositoryPlaces) {
    const { root, gitDir, commonDir, format, objects, environment, onRead } = places;
    const common = join(commonDir, "config");
    const local = usesWorktreeConfig(loadConfigFile(common)) ? [common, join(gitDir, "config.worktree")] : [common];
    const branch = (): string => shortName(headChain({ gitDir, commonDir, format }).ref);
    this.#places = places;
    this.config = loadConfig({ local, environment }, { gitDir, branch, onRead });
    this.settings = readSettings(this.config, root, environment);
    const { orderFile, stat } = this.settings;
    this.orderFile = orderFile === undefined ? undefined : new OrderFile(orderFile, onRead);
    this.index = new IndexReader(join(gitDir, "index"), format, stat, objects);
    this.forgetAttributes();
  }

  /** Reads attributes files again at the next question, and forgets the contents that were converted by them. */
  forgetAttributes(): void {
    const { root, format, filters, onRead } = this.#places;
    const { config } = this;
    const { ignoreCase, autoCrlf, bigFileThresholdBytes } = this.settings;
    const [infoFile, ...outerFiles] = this.#attributeFilePaths();
    const attributes = new AttributeFiles({
      root,
      ignoreCase,
      infoFile,
      outerFiles,
      indexContent: (path) => this.#indexContent(path),
      onRead,
    });
    this.#attributeFiles = attributes;
    this.#cleaner = new FileCleaner({
      root,
      format,
      bigFileThresholdBytes,
      filterLimits: FILTER_LIMITS,
      conversion: (path, tracked) => planConversion(attributes.of(path, tracked), { config, autoCrlf, filters }),
      readBlob: (oid) => this.readBlob(oid),
    });
  }

  /** The files outside of the working tree and HEAD that decide an answer: absolute path → what they are part of. */
  watchPaths(): Map<string, RepositoryPart> {
    const { orderFile } = this.settings;
    const paths = new Map<string, RepositoryPart>();
    for (const path of this.config.files) paths.set(path, "config");
    if (orderFile !== undefined) paths.set(orderFile, "config");
    for (const path of this.#ignoreFilePaths()) paths.set(path, "ignore");
    for (const path of this.#attributeFilePaths()) paths.set(path, "attributes");
    return paths;
  }

  /** See {@link Repository.ignoreRules}. */
  ignoreRules(rootIgnoreFile: Uint8Array | undefined): IgnoreDirectory {
    const { ignoreCase } = this.settings;
    const others = this.#ignoreFilePaths().map((path) => {
      const bytes = readIfAllowed(path)?.bytes;
      this.#places.onRead(path, bytes);
      return bytes;
    });
    const lists = [rootIgnoreFile, ...others].map((bytes) => parseIgnoreFile(bytes, ignoreCase));
    return topIgnoreDirectory(lists, ignoreCase);
  }

  /** See {@link Repository.readIgnoreFile}. */
  readIgnoreFile(directory: BytePath): Uint8Array | undefined {
    const path = directory === "" ? ".gitignore" : `${directory}/.gitignore`;
    const bytes = readIfAllowed(fileSystemPath(this.#places.root, path), false)?.bytes;
    if (bytes !== undefined) return bytes;
    const index = this.index.read();
    const position = index.find(path);
    return position >= 0 && index.skipWorktree(position) ? this.readBlob(index.oid(position)) : undefined;
  }

  /** See {@link Repository.attributes}. */
  attributes(path: BytePath, tracked: boolean): FileAttributes {
    const diff = this.#attributeFiles.of(path, tracked).get("diff");
    let known = this.#diffAttributes.get(diff);
    if (known === undefined) {
      known = diffAttributes(diff, this.config);
      this.#diffAttributes.set(diff, known);
    }
    return known;
  }

  /** See {@link Repository.clean}. */
  clean(path: BytePath, look: FileLook, indexOid: Oid | undefined, signal?: AbortSignal): Promise<CleanFile> {
    return this.#cleaner.clean(path, look, indexOid, signal);
  }

  /** See {@link Repository.slowReading}. */
  slowReading(path: BytePath, look: FileLook, indexOid: Oid | undefined): SlowReading | undefined {
    return this.#cleaner.slowReading(path, look, indexOid);
  }

  /** See {@link Repository.submoduleIgnore}. */
  submoduleIgnore(path: BytePath): SubmoduleIgnore {
    const onDisk = readWhole(join(this.#places.root, ".gitmodules"), false)?.bytes;
    return submoduleIgnore(textOfBytes(path), onDisk ?? this.#indexContent(".gitmodules"), this.config);
  }

  /** See {@link Repository.readBlob}. */
  readBlob(oid: Oid): Buffer {
    const { format, objects } = this.#places;
    if (oid === format.emptyBlob) return Buffer.alloc(0);
    const { type, content } = objects.read(oid);
    if (type !== "blob") throw corrupt(`object ${oid}`, `a ${type} where a blob should be`);
    return content;
  }

  /** Those outside of the working tree, most important first. */
  #ignoreFilePaths(): string[] {
    const { excludesFile } = this.settings;
    const exclude = join(this.#places.commonDir, "info", "exclude");
    return excludesFile === undefined ? [exclude] : [exclude, excludesFile];
  }

  /** Those outside of the working tree, most important first. */
  #attributeFilePaths(): [string, ...string[]] {
    const { commonDir, environment } = this.#places;
    const { attributesFile } = this.settings;
    const user = attributesFile === undefined ? [] : [attributesFile];
    const system = truth(environment.GIT_ATTR_NOSYSTEM ?? "") === true ? [] : ["/etc/gitattributes"];
    return [join(commonDir, "info", "attributes"), ...user, ...system];
  }

  /** The content that the index holds for a path; `undefined` unless a regular file is there. */
  #indexContent(path: BytePath): Uint8Array | undefined {
    const index = this.index.read();
    const position = index.find(path);
    if (position < 0 || (index.mode(position) & MODE_TYPE) !== MODE_FILE) return undefined;
    return this.readBlob(index.oid(position));
  }
}

/** Whether a working tree has settings of its own, in `config.worktree`. @param common the shared configuration file */
export function usesWorktreeConfig(common: Config): boolean {
  return common.boolean("extensions.worktreeconfig", false);
}

/** A branch's name as text, without `refs/heads/`; "" for another ref, or none. @param ref one character per byte */
export function shortName(ref: string | undefined): string {
  return ref?.startsWith(BRANCHES) ? textOfBytes(ref.slice(BRANCHES.length)) : "";
}
