import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { unifiedHunks } from "../../src/diff/index.js";
import { packagePath } from "../../src/util/index.js";
import { Random } from "../../test/support/random.js";

/** Where real programs are: packages of this project that come with their sources, TypeScript and JavaScript. */
const SOURCES = ["zod/src", "fastify/lib", "ws/lib", "preact/src"];
/** What a file's diff has besides its hunks, about: `diff --git`, `index`, `---` and `+++`. Bytes. */
const HEADER_BYTES = 240;
/** What a line of a diff has, about. Bytes. */
const LINE_BYTES = 37;

/** A file in two versions. */
export interface EditedFile {
  path: string;
  before: string;
  after: string;
}

/** The line of a tree's first file that says which edit it was. */
export function editLine(edit: number): string {
  return `export const lastEdit = "${editMark(edit)}"; // the line that the benchmark edits`;
}

/** A text that no other edit has. */
export function editMark(edit: number): string {
  return `edit_${String(edit).padStart(6, "0")}`;
}

/** Makes files of real programs' lines, with edits as people make them, so that all their diffs are of one size. */
export class Sources {
  readonly #random = new Random(20_261_126);
  readonly #lines: readonly string[];
  #at = 0;

  constructor(lines: readonly string[] = realLines()) {
    this.#lines = lines;
  }

  /** @param bytes what the diff of all of them is to have, headers included @returns ascending by path */
  files(count: number, bytes: number): EditedFile[] {
    let left = bytes - count * HEADER_BYTES;
    return Array.from({ length: count }, (_, at) => {
      const digits = String(at).padStart(4, "0");
      const path = `src/area${digits.slice(0, 3)}/module${digits}.ts`;
      const { texts, size } = this.#file(left / (count - at), at === 0);
      left -= size;
      return { path, ...texts };
    });
  }

  /**
   * A newer version has words replaced, lines that came, lines that went, and stretches between them that nobody touched. In
   * its diff, as in those of this project's own commits, about 7 of 10 lines are changed ones, and about each 15 have a group of them.
   *
   * @param isEdited its second line is that of the benchmark's edits
   * @returns and the bytes of its hunks, which are about those asked for
   */
  #file(hunkBytes: number, isEdited: boolean): { texts: { before: string; after: string }; size: number } {
    const random = this.#random;
    const [before, after]: [string[], string[]] = [[], []];
    const bytesOf = (lines: readonly string[]) => lines.reduce((sum, line) => sum + line.length + 2, 0);
    let left = hunkBytes;
    do {
      const isFirst = before.length === 0;
      const same = this.#next(random.small(1, isFirst ? 8 : 120));
      before.push(...same);
      after.push(...same);
      left -= bytesOf([...same.slice(0, 3), ...same.slice(3).slice(-3)]); // what a hunk shows of them
      const kind = isFirst ? "come" : random.pick(["replaced", "replaced", "come", "gone"] as const);
      const most = { replaced: 16, come: 110, gone: 60 }[kind];
      const changed = this.#next(random.small(1, Math.max(1, Math.min(most, Math.floor(left / LINE_BYTES)))));
      const newer =
        kind === "replaced" ? changed.map((line) => line.replace(/[A-Za-z]\w{2,}/, (name) => `${name}2`)) : changed;
      if (kind !== "come") before.push(...changed);
      if (kind !== "gone") after.push(...newer);
      left -= bytesOf(changed) + (kind === "replaced" ? bytesOf(newer) : 0);
    } while (left > 0);
    if (isEdited) after.splice(1, 1, editLine(0));
    const texts = { before: `${before.join("\n")}\n`, after: `${after.join("\n")}\n` };
    return { texts, size: unifiedHunks(Buffer.from(texts.before), Buffer.from(texts.after)).length };
  }

  /** The next lines of the programs; behind the last one comes the first again. */
  #next(count: number): string[] {
    const lines = Array.from({ length: count }, (_, at) => this.#lines[(this.#at + at) % this.#lines.length] ?? "");
    this.#at += count;
    return lines;
  }
}

function realLines(): string[] {
  const paths = SOURCES.flatMap((folder) => {
    const top = packagePath(join("node_modules", folder));
    const names = readdirSync(top, { recursive: true, encoding: "utf8" }).filter((name) => /\.[cm]?[jt]s$/.test(name));
    return names.sort().map((name) => join(top, name));
  });
  return paths.flatMap((path) => readFileSync(path, "utf8").split("\n"));
}
