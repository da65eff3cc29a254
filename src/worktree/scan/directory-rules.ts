import type { IgnoreDirectory } from "../../git/index.js";
import type { DirectoryNode } from "./directory-node.js";

/** Where ignore rules come from. */
export interface RuleSource {
  /** The bytes of a directory's `.gitignore`. @param directory byte path, "" for the root */
  readIgnoreFile(directory: string): Uint8Array | undefined;
  /** The rules at the top. */
  ignoreRules(rootIgnoreFile: Uint8Array | undefined): IgnoreDirectory;
}

/**
 * The ignore rules of directories, made when they are first asked for: where everything is as the index has it, nobody
 * asks. They can be made late, because whoever changes the file that they come from is seen.
 */
export class DirectoryRules {
  readonly #source: RuleSource;

  constructor(source: RuleSource) {
    this.#source = source;
  }

  /** The rules that hold for entries of the directory. */
  of(node: DirectoryNode): IgnoreDirectory {
    if (node.rules === undefined) {
      const ignoreFile = this.#source.readIgnoreFile(node.path);
      node.ignoreText = textOf(ignoreFile);
      node.rules =
        node.parent === undefined
          ? this.#source.ignoreRules(ignoreFile)
          : this.of(node.parent).enter(node.name, ignoreFile);
    }
    return node.rules;
  }

  /** Whether something was decided by rules whose file has another content now. */
  areOutdated(node: DirectoryNode): boolean {
    return node.rules !== undefined && textOf(this.#source.readIgnoreFile(node.path)) !== node.ignoreText;
  }

  /** Whether the directory itself is ignored, by its own name or with one above it. */
  exclude(node: DirectoryNode): boolean {
    node.excluded ??= node.parent !== undefined && this.excludeDirectory(node.parent, node.name);
    return node.excluded;
  }

  /** Whether a directory of that name would be ignored. */
  excludeDirectory(parent: DirectoryNode, name: string): boolean {
    return this.exclude(parent) || this.of(parent).ignores(name, true);
  }
}

/** One character per byte. */
function textOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes && Buffer.from(bytes).toString("latin1");
}
