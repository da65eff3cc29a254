import { createHmac } from "node:crypto";
import type { TreeFile } from "../protocol/index.js";
import { NameMasks } from "./names.js";
import { headersAmong, renamedFrom, withIds, withoutIds } from "./patch/header-lines.js";
import { type MaskedHunks, maskHunks } from "./patch/mask-hunks.js";
import { plainMask, replaceSpans, spansOf } from "./patch/mask-text.js";
import type { PathRules } from "./paths/path-rules.js";
import { Budget, OverTimeError } from "./shapes/budget.js";
import type { LineScanner } from "./shapes/line-scanner.js";

/** How long a look at one file may take, in milliseconds; what takes longer is withheld. */
export const FILE_TIME_MS = 20;
/** A text for people is short; no more of it is looked at, and the rest goes. UTF-16 units. */
const MAX_TEXT_UNITS = 64 * 1024;

/** Stands for a text that is in no file. */
const MESSAGE: TreeFile = {
  key: "u:",
  path: "",
  header: "",
  hunks: "",
  additions: 0,
  deletions: 0,
  omitted_bytes: 0,
};

/** What a {@link FileMasker} works with. */
export interface FileMaskerOptions {
  readonly scanner: LineScanner;
  readonly rules: PathRules;
  /** Object ids of masked files are made anew with it: whoever has it could guess what a short file holds. 32 bytes. */
  readonly key: Uint8Array;
  /** Milliseconds, of any beginning. */
  readonly now: () => number;
  /** The whole text of a file on disk, by its byte path; `undefined` where nobody knows it. */
  readonly textOf?: ((path: string) => string | undefined) | undefined;
}

/** By which rules lines are masked. */
interface ShapeRules {
  readonly assignments: Parameters<typeof maskHunks>[1]["assignments"];
  /** One secret in the file is enough to withhold all of it. */
  readonly suspected: boolean;
  readonly textOf: (() => string | undefined) | undefined;
}

/** Makes of one file's patch what may be shown of it. */
export class FileMasker {
  readonly #options: FileMaskerOptions;
  readonly #names = new NameMasks();

  constructor(options: FileMaskerOptions) {
    this.#options = options;
  }

  /**
   * @returns the same object when there is nothing to hide. Withheld files have their header alone, without object ids and
   *   counts of lines; masked ones have other ids
   */
  mask(file: TreeFile): TreeFile {
    const path = file.key.slice(file.key.indexOf(":") + 1);
    const before = renamedFrom(file.header);
    const verdict = this.#options.rules.judge(before === undefined ? [path] : [path, before]);
    if (verdict.kind === "send") return file;
    if (verdict.kind === "withhold") return this.#withheld(file, "path", verdict.rule);
    return this.#maskShapes(file, { ...verdict, textOf: this.#options.textOf && (() => this.#options.textOf?.(path)) });
  }

  #maskShapes(file: TreeFile, { assignments, suspected, textOf }: ShapeRules): TreeFile {
    try {
      const budget = new Budget(this.#options.now, FILE_TIME_MS, file.hunks.length);
      const masked = maskHunks(file.hunks, { scanner: this.#options.scanner, assignments, budget, textOf });
      if (masked.masked > 0 && suspected) return this.#withheld(file, "shape", masked.rule ?? "");
      return this.#masked(file, masked);
    } catch (error) {
      if (!(error instanceof OverTimeError)) throw error;
      return this.#withheld(file, "time", "time");
    }
  }

  /**
   * The whole content of a file, masked as in the patch that adds all of it; as many lines as before.
   *
   * @param file as it is in the diff
   * @returns `undefined` when it is withheld
   */
  maskContent(file: TreeFile, content: string): string | undefined {
    return maskAsAdded(file, content, (whole) => this.mask(whole));
  }

  /**
   * A text for people, with its masks: a branch's name, what is wrong, a commit's message; as many lines as before. A private
   * key may stand in it, in one line or in several, and so may the end of one: nobody knows what was before the text.
   */
  maskText(text: string): string {
    const short = text.slice(0, MAX_TEXT_UNITS);
    if (!short.includes("\n") && !short.includes("PRIVATE KEY")) return this.#maskLines(short, plainMask).text;
    const rules = { assignments: "none", suspected: false, textOf: undefined } as const;
    return maskAsAdded(MESSAGE, short, (file) => this.#maskShapes(file, rules), 2) ?? "[withheld]";
  }

  #masked(file: TreeFile, { hunks, masked }: MaskedHunks): TreeFile {
    const named = this.#named(file);
    if (masked === 0 && named === undefined) return file;
    const header = withIds(named?.header ?? file.header, this.#idFor);
    // the headers of a second patch stand among the hunks
    const rest = hunks.includes("\ndiff --git ")
      ? this.#maskLines(withIds(hunks, this.#idFor), this.#names.mask).text
      : hunks;
    const { key, path } = named ?? file;
    return { ...file, key, path, header, hunks: rest, masked: masked + (named?.count ?? 0) };
  }

  #withheld(file: TreeFile, why: "path" | "shape" | "time", rule: string): TreeFile {
    const named = this.#named(file);
    const second = headersAmong(file.hunks);
    const header = withoutIds((named?.header ?? file.header) + this.#maskLines(second, this.#names.mask).text);
    const { key, path } = named ?? file;
    return {
      key,
      path,
      header,
      hunks: "",
      additions: 0,
      deletions: 0,
      omitted_bytes: 0,
      withheld: why,
      withheld_rule: rule,
      ...(file.filter_not_run !== undefined && { filter_not_run: file.filter_not_run }),
      ...(file.committed !== undefined && { committed: file.committed }),
    };
  }

  readonly #idFor = (id: string): string => {
    return createHmac("sha256", this.#options.key).update(id).digest("hex").slice(0, id.length);
  };

  /** The names of a file with their masks; `undefined` when there is nothing to mask in any. */
  #named(file: TreeFile): (Pick<TreeFile, "key" | "path" | "header"> & { count: number }) | undefined {
    const header = this.#maskLines(file.header, this.#names.mask);
    if (header.count === 0) return undefined;
    const colon = file.key.indexOf(":") + 1;
    const path = this.#maskLines(file.path, this.#names.mask);
    const key = file.key.slice(0, colon) + this.#maskLines(file.key.slice(colon), this.#names.mask).text;
    return { key, path: path.text, header: header.text, count: Math.max(1, path.count) };
  }

  #maskLines(text: string, mask: typeof plainMask): { text: string; count: number } {
    const { scanner, now } = this.#options;
    const budget = new Budget(now, Number.POSITIVE_INFINITY, 0); // names are short
    let count = 0;
    const lines = text.split("\n").map((line) => {
      const whole = { start: 0, end: line.length, isCut: false, hasNul: false };
      const spans = spansOf(scanner, line, whole, "none", budget);
      count += spans.length;
      return spans.length === 0 ? line : replaceSpans(line, whole, spans, mask);
    });
    return count === 0 ? { text, count } : { text: lines.join("\n"), count };
  }
}

/**
 * Masks the content of a file as the patch that adds all of it.
 *
 * @param mask of a file's patch
 * @param from the number of the first line; of 1, nothing is before it
 * @returns `undefined` when it is withheld
 */
function maskAsAdded(
  file: TreeFile,
  content: string,
  mask: (file: TreeFile) => TreeFile,
  from = 1,
): string | undefined {
  const lines = content.split("\n");
  const isFinished = lines.at(-1) === "";
  if (isFinished) lines.pop();
  const end = isFinished ? "\n" : "\n\\ No newline at end of file\n";
  const hunks = `@@ -${from === 1 ? 0 : from},0 +${from},${lines.length} @@\n+${lines.join("\n+")}${end}`;
  const masked = content === "" ? file : mask({ ...file, hunks });
  if (masked.withheld !== undefined) return undefined;
  if (content === "") return "";
  const shown = masked.hunks.split("\n").slice(1, lines.length + 1);
  return shown.map((line) => line.slice(1)).join("\n") + (isFinished ? "\n" : "");
}
