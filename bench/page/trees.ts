import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { GIT_ENV, git } from "../../test/support/repo.js";
import { type EditedFile, editLine, editMark, Sources } from "./sources.js";

/** Working trees on the disk that differ from their HEAD. */
export class EditedTrees {
  /** The directory that all of them are in. */
  readonly folder: string;
  readonly files: number;
  /** What git says of all of them, one behind the other. */
  readonly text: string;
  readonly #first: string;
  readonly #edited: EditedFile;

  /**
   * @param folder is made
   * @param shape how many trees and, in each, how many files, whose diffs have so many bytes together
   */
  constructor(folder: string, shape: { trees: number; filesEach: number; bytesEach: number }) {
    const sources = new Sources();
    const roots = Array.from({ length: shape.trees }, (_, at) => join(folder, `tree${at}`));
    const all = roots.map((root) => {
      const files = sources.files(shape.filesEach, shape.bytesEach);
      makeTree(root, files);
      return files;
    });
    this.folder = folder;
    this.files = shape.trees * shape.filesEach;
    this.text = roots.map((root) => diffOf(root)).join("");
    this.#first = roots[0] ?? folder;
    this.#edited = all[0]?.[0] ?? { path: "", before: "", after: "" };
  }

  get bytes(): number {
    return Buffer.byteLength(this.text);
  }

  /** Writes one line of the first file anew. @param edit 1 or more, another each time */
  edit(edit: number): void {
    const { path, after } = this.#edited;
    writeFileSync(join(this.#first, path), after.replace(editLine(0), editLine(edit)));
  }

  /** The diff of the first file after an edit, as git says it. @param edit 0: before all of them */
  patch(edit: number): string {
    const { path } = this.#edited;
    const first = /^diff --git [\s\S]*?(?=^diff --git )/m.exec(this.text)?.[0] ?? this.text;
    if (!first.startsWith(`diff --git a/${path} `)) throw new Error(`${path} is not the first file`);
    return first.replace(editMark(0), editMark(edit));
  }
}

function makeTree(root: string, files: readonly EditedFile[]): void {
  const write = (version: "before" | "after") => {
    for (const file of files) {
      const path = join(root, file.path);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, file[version]);
    }
  };
  write("before");
  git(root, "init", "-q");
  git(root, "add", "-A");
  git(root, "commit", "-qm", "before");
  write("after");
}

function diffOf(root: string): string {
  const args = ["-C", root, "diff", "--no-renames", "HEAD"];
  return execFileSync("git", args, { env: GIT_ENV, encoding: "utf8", maxBuffer: 2 ** 28 });
}
