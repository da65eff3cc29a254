import { spansWithin } from "../../model/tokens.js";
import { changedWords } from "../../model/words.js";
import type { FileView } from "../file-view.js";
import type { LinesView } from "../lines-view.js";
import { Highlights, type Token } from "./highlights.js";
import { languageOf } from "./languages.js";

/** Hunks that are longer are read in parts; a run of lines that is longer has the colours of its lines alone. UTF-16 units. */
const MOST_UNITS = 200_000;

/** Colours the files that are near the screen, when the browser has nothing else to do. */
export class Painter {
  readonly #highlights = new Highlights();
  readonly #near = new Set<FileView>();
  readonly #waiting = new Set<FileView>();
  /** The text that each run was coloured for. */
  readonly #painted = new Map<LinesView, string>();
  #isScheduled = false;

  /** A file has come near the screen, or left. */
  setNear(file: FileView, isNear: boolean): void {
    if (!isNear) this.#leave(file);
    else {
      this.#near.add(file);
      this.repaint(file);
    }
  }

  /** The file has changed. @param entirely it is laid out in another way: nothing that was painted counts */
  repaint(file: FileView, entirely = false): void {
    if (!Highlights.isSupported || !this.#near.has(file)) return;
    for (const lines of file.body?.hunks().flat() ?? []) {
      if (entirely) this.#painted.delete(lines);
      else this.#highlights.follow(lines);
    }
    this.#waiting.add(file);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    const later = window.requestIdleCallback ?? ((run: () => void) => setTimeout(run, 30));
    later(() => void this.#paintWaiting());
  }

  #leave(file: FileView): void {
    this.#near.delete(file);
    this.#waiting.delete(file);
    for (const lines of file.body?.hunks().flat() ?? []) this.#forgetLines(lines);
  }

  #forgetLines(lines: LinesView): void {
    this.#highlights.delete(lines);
    this.#painted.delete(lines);
  }

  async #paintWaiting(): Promise<void> {
    this.#isScheduled = false;
    const [file] = this.#waiting;
    if (file === undefined) return;
    this.#waiting.delete(file);
    for (const lines of this.#painted.keys()) if (!lines.element.isConnected) this.#forgetLines(lines);
    const language = languageOf(file.path);
    for (const part of file.body?.hunks().flatMap(partsOf) ?? []) await this.#paintPart(part, language);
    if (this.#waiting.size > 0) {
      const [next] = this.#waiting;
      if (next !== undefined) this.repaint(next);
    }
  }

  async #paintPart(hunk: readonly LinesView[], language: string | undefined): Promise<void> {
    const texts = hunk.map(({ code }) => code.data);
    if (hunk.every((lines, at) => this.#painted.get(lines) === texts[at])) return;
    const tokens = hunk.map((): Token[] => []);
    // each version is a text of its own: what is removed is read amid what was there, what is added amid what is
    for (const version of ["old", "new"] as const) {
      const parts = hunk.flatMap(({ side }, at) => (side === "same" || side === version ? [at] : []));
      const text = parts.map((at) => texts[at]).join("\n");
      if (language === undefined || text.length > MOST_UNITS) continue;
      const { colour } = await import("./colours.js");
      const spans = await colour(text, language);
      let start = 0;
      for (const at of parts) {
        const end = start + (texts[at]?.length ?? 0);
        if (hunk[at]?.side === version || version === "new") tokens[at]?.push(...spansWithin(spans, start, end));
        start = end + 1;
      }
    }
    for (const [at, lines] of hunk.entries()) {
      const next = hunk[at + 1];
      if (lines.side !== "old" || next?.side !== "new") continue;
      const words = changedWords(texts[at] ?? "", texts[at + 1] ?? "");
      tokens[at]?.push(...words.old.map((span) => ({ ...span, name: "word-old" })));
      tokens[at + 1]?.push(...words.new.map((span) => ({ ...span, name: "word-new" })));
    }
    for (const [at, lines] of hunk.entries()) {
      if (lines.code.data !== texts[at]) continue; // edited meanwhile: it is painted again
      this.#highlights.set(lines, tokens[at] ?? []);
      this.#painted.set(lines, texts[at] ?? "");
    }
  }
}

/** The runs of a hunk in parts that are not too long. What was removed and what was added in its place stay together. */
function partsOf(hunk: readonly LinesView[]): LinesView[][] {
  const parts: LinesView[][] = [];
  let units = 0;
  for (const lines of hunk) {
    units += lines.code.length;
    if (parts.length === 0 || (units > MOST_UNITS && lines.side === "same")) {
      parts.push([]);
      units = lines.code.length;
    }
    parts.at(-1)?.push(lines);
  }
  return parts;
}
