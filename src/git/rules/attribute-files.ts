import type { BytePath } from "../io/byte-path.js";
import { fileSystemPath } from "../io/byte-path.js";
import { readIfAllowed } from "../io/files.js";
import type { ReadListener } from "../io/remembered-files.js";
import {
  type AttributeFile,
  type AttributeLayer,
  type AttributeValue,
  BUILT_IN_ATTRIBUTES,
  collectAttributes,
  parseAttributeFile,
} from "./attributes.js";

const NO_ATTRIBUTES = parseAttributeFile(undefined, { ignoreCase: false, allowsMacros: false });
const NONE_SPECIFIED: ReadonlyMap<string, AttributeValue> = new Map();

/** Where attributes files stand. */
export interface AttributePlaces {
  root: string;
  ignoreCase: boolean;
  /** `info/attributes`, which outweighs all others; absolute. */
  infoFile: string;
  /** The user's and the system's, most important first; absolute. */
  outerFiles: readonly string[];
  /** The content that the index holds for a path: git falls back to it where the file is absent. */
  indexContent: (path: BytePath) => Uint8Array | undefined;
  /** Told of what is read of the files outside of the tree. */
  onRead?: ReadListener;
}

/** Answers for any path of a working tree, reading each attributes file once. */
export class AttributeFiles {
  readonly #places: AttributePlaces;
  /** By directory; `undefined`: there is none on disk. */
  readonly #onDisk = new Map<BytePath, AttributeFile | undefined>();
  readonly #inIndex = new Map<BytePath, AttributeFile>();
  #info: AttributeFile | undefined;
  #outer: readonly AttributeFile[] | undefined;

  constructor(places: AttributePlaces) {
    this.#places = places;
  }

  /**
   * Every attribute that is specified for a file.
   * @param tracked whether the index is asked for files that are not on disk; `git diff --no-index`, by which untracked
   *   files are printed, has none
   */
  of(path: BytePath, tracked = true): ReadonlyMap<string, AttributeValue> {
    this.#info ??= this.#readOuter(this.#places.infoFile);
    this.#outer ??= this.#places.outerFiles.map((file) => this.#readOuter(file));
    const layers: AttributeLayer[] = [{ file: this.#info, relative: path }];
    for (let slash = path.lastIndexOf("/"); ; slash = path.lastIndexOf("/", slash - 1)) {
      const directory = slash < 0 ? "" : path.slice(0, slash);
      const file = this.#directoryFile(directory, tracked);
      if (!file.patterns.isEmpty || file.macros.size > 0) layers.push({ file, relative: path.slice(slash + 1) });
      if (slash <= 0) {
        if (slash === 0 || directory === "") break;
      }
    }
    for (const file of this.#outer) layers.push({ file, relative: path });
    if (layers.every(({ file }) => file.patterns.isEmpty)) return NONE_SPECIFIED; // a macro alone says nothing
    layers.push({ file: BUILT_IN_ATTRIBUTES, relative: path });
    return collectAttributes(layers);
  }

  #readOuter(path: string): AttributeFile {
    const bytes = readIfAllowed(path)?.bytes;
    this.#places.onRead?.(path, bytes);
    return this.#parse(bytes, true);
  }

  #directoryFile(directory: BytePath, tracked: boolean): AttributeFile {
    const path = directory === "" ? ".gitattributes" : `${directory}/.gitattributes`;
    if (!this.#onDisk.has(directory)) {
      const bytes = readIfAllowed(fileSystemPath(this.#places.root, path), false)?.bytes;
      this.#onDisk.set(directory, bytes && this.#parse(bytes, directory === ""));
    }
    const onDisk = this.#onDisk.get(directory);
    if (onDisk !== undefined || !tracked) return onDisk ?? NO_ATTRIBUTES;
    const known = this.#inIndex.get(directory);
    if (known !== undefined) return known;
    const inIndex = this.#parse(this.#places.indexContent(path), directory === "");
    this.#inIndex.set(directory, inIndex);
    return inIndex;
  }

  #parse(bytes: Uint8Array | undefined, allowsMacros: boolean): AttributeFile {
    return parseAttributeFile(bytes, { ignoreCase: this.#places.ignoreCase, allowsMacros });
  }
}
