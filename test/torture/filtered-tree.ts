import { readFileSync } from "node:fs";
import type { TreeFile } from "../../src/protocol/index.js";
import type { SecretsFilter } from "../../src/secrets/index.js";
import type { Tree } from "../../src/worktree/index.js";
import { newFilter } from "../secrets/filters.js";

/** What an agent would let go of a followed tree, kept by what changes, beside what the same rules make of it at once. */
export class FilteredTree {
  readonly #root: string;
  #filter: SecretsFilter;
  #files: readonly TreeFile[] = [];

  constructor(tree: Tree, root: string) {
    this.#root = root;
    this.#filter = this.#newFilter();
    let isFirst = true;
    tree.on("state", ({ files }, changes) => {
      this.#files = this.#filter.update(files, isFirst ? undefined : changes).files;
      isFirst = false;
    });
    tree.on("gone", () => {
      this.#filter = this.#newFilter();
      this.#files = [];
      isFirst = true;
    });
  }

  /** @param files what git says now @returns where what was let go differs from what the rules make of that; "": nowhere */
  difference(files: readonly TreeFile[]): string {
    const expected = textsOf(this.#newFilter().update(files).files);
    const got = textsOf(this.#files);
    const at = expected.findIndex((text, index) => text !== got[index]);
    if (at < 0 && expected.length === got.length) return "";
    return `the same rules say:\n${expected[at]}\nlet go was:\n${got[at < 0 ? expected.length : at]}`;
  }

  #newFilter(): SecretsFilter {
    return newFilter({
      textOf: (path) => {
        try {
          return readFileSync(Buffer.concat([Buffer.from(`${this.#root}/`), Buffer.from(path, "latin1")])).toString();
        } catch {
          return undefined;
        }
      },
    });
  }
}

/** Names that are the same once they are masked are numbered in the order in which they came, which git does not know. */
function textsOf(files: readonly TreeFile[]): string[] {
  return files
    .map(({ key, path, header, hunks }) =>
      `${key} ${path}\n${header}${hunks}`.replace(/(\[withheld:[^\]]*\])~\d+/g, "$1"),
    )
    .sort();
}
