import {
  type AttributeFile,
  type AttributeLayer,
  type AttributeValue,
  BUILT_IN_ATTRIBUTES,
  collectAttributes,
  parseAttributeFile,
} from "./attributes.js";
import { fileSystemPath } from "./byte-path.js";
import { readWhole } from "./files.js";
import type { BytePath } from "./types.js";

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
}

/** Answers for any path of a working tree, reading each attributes file once. */
export class AttributeFiles {
  readonly #places: AttributePlaces;
  readonly #byDirectory = new Map<BytePath, AttributeFile>();
  #info: AttributeFile | undefined;
  #outer: readonly AttributeFile[] | undefined;

  constructor(places: AttributePlaces) {
    this.#places = places;
  }

  /** Every attribute that is specified for a file. */
  of(path: BytePath): Map<string, AttributeValue> {
    this.#info ??= this.#parse(readWhole(this.#places.infoFile)?.bytes, true);
    this.#outer ??= this.#places.outerFiles.map((file) => this.#parse(readWhole(file)?.bytes, true));
    const layers: AttributeLayer[] = [{ file: this.#info, relative: path }];
    for (let slash = path.lastIndexOf("/"); ; slash = path.lastIndexOf("/", slash - 1)) {
      const directory = slash < 0 ? "" : path.slice(0, slash);
      const file = this.#directoryFile(directory);
      if (file.rules.length > 0 || file.macros.size > 0) layers.push({ file, relative: path.slice(slash + 1) });
      if (slash <= 0) {
        if (slash === 0 || directory === "") break;
      }
    }
    for (const file of [...this.#outer, BUILT_IN_ATTRIBUTES]) layers.push({ file, relative: path });
    return collectAttributes(layers);
  }

  #directoryFile(directory: BytePath): AttributeFile {
    let file = this.#byDirectory.get(directory);
    if (file === undefined) {
      const path = directory === "" ? ".gitattributes" : `${directory}/.gitattributes`;
      const bytes = readWhole(fileSystemPath(this.#places.root, path), false)?.bytes;
      file = this.#parse(bytes ?? this.#places.indexContent(path), directory === "");
      this.#byDirectory.set(directory, file);
    }
    return file;
  }

  #parse(bytes: Uint8Array | undefined, allowsMacros: boolean): AttributeFile {
    return parseAttributeFile(bytes, { ignoreCase: this.#places.ignoreCase, allowsMacros });
  }
}
