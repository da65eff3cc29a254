import { compilePathPattern } from "../glob/path-pattern.js";
import { PatternIndex } from "../glob/pattern-index.js";
import type { BytePath } from "../io/byte-path.js";
import type { IgnoreDirectory } from "./types.js";

/** The patterns of one ignore file: of those that match, the last one decides. */
class IgnoreList {
  readonly #forAll: PatternIndex;
  /** Those whose line ends with `/`. */
  readonly #forDirectories: PatternIndex;
  readonly #ignoreCase: boolean;
  #lines = 0;

  constructor(ignoreCase: boolean) {
    this.#ignoreCase = ignoreCase;
    this.#forAll = new PatternIndex(ignoreCase);
    this.#forDirectories = new PatternIndex(ignoreCase);
  }

  get isEmpty(): boolean {
    return this.#lines === 0;
  }

  add(line: string): void {
    const pattern = compilePathPattern(line, this.#ignoreCase);
    // an odd number is a negated line's, so that nothing else has to be kept of a line
    const number = this.#lines * 2 + (pattern.negated ? 1 : 0);
    this.#lines += 1;
    (pattern.directoryOnly ? this.#forDirectories : this.#forAll).add(pattern, number);
  }

  /** What the file says of an entry; `undefined`: nothing. @param prefix the path before its name */
  decides(prefix: BytePath, name: string, isDirectory: boolean): "ignored" | "kept" | undefined {
    let last = this.#forAll.last(prefix, name);
    if (isDirectory && !this.#forDirectories.isEmpty) last = Math.max(last, this.#forDirectories.last(prefix, name));
    if (last < 0) return undefined;
    return last % 2 === 1 ? "kept" : "ignored";
  }
}

/** One ignore file that holds in a directory. */
interface Layer {
  list: IgnoreList;
  /** The path from the file's directory to this one, with a `/` behind it, or "". */
  prefix: BytePath;
}

/** Larger ignore files are left aside, as in git. */
const MAX_IGNORE_FILE_BYTES = 100 * 2 ** 20;

const BYTE_ORDER_MARK = "\xef\xbb\xbf";

/**
 * Compiles an ignore file. Rules: <https://git-scm.com/docs/gitignore#_pattern_format>.
 * @param bytes `undefined` when there is none
 */
export function parseIgnoreFile(bytes: Uint8Array | undefined, ignoreCase: boolean): IgnoreList {
  const list = new IgnoreList(ignoreCase);
  if (bytes === undefined || bytes.length > MAX_IGNORE_FILE_BYTES) return list;
  let text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
  if (text.startsWith(BYTE_ORDER_MARK)) text = text.slice(BYTE_ORDER_MARK.length);
  for (const line of text.split("\n")) {
    const pattern = trimLine(line);
    if (pattern !== "" && !pattern.startsWith("#")) list.add(pattern);
  }
  return list;
}

/** The rules at the top of a working tree. @param lists most important first */
export function topIgnoreDirectory(lists: readonly IgnoreList[], ignoreCase: boolean): IgnoreDirectory {
  return new IgnoreRules(toLayers(lists), ignoreCase);
}

/**
 * Git asks each directory's rules in turn, deepest first, and the first file with a matching pattern decides. What is
 * below an ignored directory can't be brought back.
 */
class IgnoreRules implements IgnoreDirectory {
  readonly #layers: readonly Layer[];
  readonly #ignoreCase: boolean;

  constructor(layers: readonly Layer[], ignoreCase: boolean) {
    this.#layers = layers;
    this.#ignoreCase = ignoreCase;
  }

  ignores(name: string, isDirectory: boolean): boolean {
    for (const { list, prefix } of this.#layers) {
      const decision = list.decides(prefix, name, isDirectory);
      if (decision !== undefined) return decision === "ignored";
    }
    return false;
  }

  enter(name: string, ignoreFile: Uint8Array | undefined): IgnoreDirectory {
    if (this.ignores(name, true)) return EVERYTHING_IGNORED;
    const own = parseIgnoreFile(ignoreFile, this.#ignoreCase);
    const outer = this.#layers.map(({ list, prefix }) => ({ list, prefix: `${prefix}${name}/` }));
    return new IgnoreRules([...toLayers([own]), ...outer], this.#ignoreCase);
  }
}

const EVERYTHING_IGNORED: IgnoreDirectory = { ignores: () => true, enter: () => EVERYTHING_IGNORED };

function toLayers(lists: readonly IgnoreList[]): Layer[] {
  return lists.filter((list) => !list.isEmpty).map((list) => ({ list, prefix: "" }));
}

/** Cuts a line at a NUL, one carriage return, and blanks at the end that no backslash protects. */
function trimLine(line: string): string {
  const nul = line.indexOf("\0");
  let text = nul < 0 ? line : line.slice(0, nul);
  if (nul < 0 && text.endsWith("\r")) text = text.slice(0, -1);
  if (!text.endsWith(" ")) return text;
  let end = 0;
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === "\\") at += 1;
    else if (text[at] === " ") continue;
    end = at + 1;
  }
  return text.slice(0, end);
}
