import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { unifiedHunks } from "../../src/diff/index.js";
import { packagePath } from "../../src/util/index.js";
import { Random } from "../../test/support/random.js";

/** Where real programs are: packages of this project that come with their sources, TypeScript and JavaScript. */
const SOURCES = ["zod/src", "fastify/lib", "ws/lib", "preact/src"];
/** What a file's diff has besides its hunks, about: `diff --git`, `index`, `---` and `+++`. Bytes. */
const HEADER_BYTES = 240;
/** How often a file's length is corrected by what its diff came to. */
const CORRECTIONS = 4;

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

  /** @param isEdited its second line is that of the benchmark's edits @returns and the bytes of its hunks */
  #file(hunkBytes: number, isEdited: boolean): { texts: { before: string; after: string }; size: number } {
    const seed = this.#random.below(2 ** 31);
    let count = Math.ceil(hunkBytes / 20);
    for (let correction = 0; ; correction += 1) {
      const old = Array.from({ length: count }, (_, at) => this.#lines[(this.#at + at) % this.#lines.length] ?? "");
      const now = edited(old, new Random(seed), this.#lines);
      if (isEdited) now.splice(1, 1, editLine(0));
      const texts = { before: `${old.join("\n")}\n`, after: `${now.join("\n")}\n` };
      const size = unifiedHunks(Buffer.from(texts.before), Buffer.from(texts.after)).length;
      if (correction === CORRECTIONS || Math.abs(size - hunkBytes) < hunkBytes / 100) {
        this.#at += count;
        return { texts, size };
      }
      count = Math.max(12, Math.round((count * hunkBytes) / Math.max(size, 1)));
    }
  }
}

/**
 * A newer version: words replaced, lines that came, lines that went, and stretches between them that nobody touched. In its diff
 * as in those of this project's own commits, 7 of 10 lines are changed ones, and each 17 lines have a group of them.
 *
 * @param more from which lines come
 */
export function edited(before: readonly string[], random: Random, more: readonly string[]): string[] {
  const after: string[] = [];
  let at = 0;
  while (at < before.length) {
    const same = random.small(1, 120);
    after.push(...before.slice(at, at + same));
    at += same;
    const kind = random.pick(["replaced", "replaced", "come", "gone"] as const);
    if (kind === "gone") at += random.small(1, 60);
    else if (kind === "come") {
      const size = random.small(1, 110);
      const from = random.below(Math.max(1, more.length - size));
      after.push(...more.slice(from, from + size));
    } else {
      const size = random.small(1, 16);
      after.push(...before.slice(at, at + size).map((line) => line.replace(/[A-Za-z]\w{2,}/, (name) => `${name}2`)));
      at += size;
    }
  }
  return after;
}

function realLines(): string[] {
  const paths = SOURCES.flatMap((folder) => {
    const top = packagePath(join("node_modules", folder));
    const names = readdirSync(top, { recursive: true, encoding: "utf8" }).filter((name) => /\.[cm]?[jt]s$/.test(name));
    return names.sort().map((name) => join(top, name));
  });
  return paths.flatMap((path) => readFileSync(path, "utf8").split("\n"));
}
