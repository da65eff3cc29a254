import { bytesOfText, decidingPaths, decidingSettings } from "../../git/index.js";
import type { NameWatches } from "./name-watches.js";
import { ResolutionWatch } from "./resolution-watch.js";

/**
 * What is in doubt about the repository at a root: `contents`: what a file says or where a link leads, by which it is
 * found; `replaced`: a directory on the way to it may be another one, or may have been away.
 */
export type RootDoubt = "contents" | "replaced";

export interface RootWatchOptions {
  names: NameWatches;
  /** Absolute path of the working tree. */
  root: string;
  /** Absolute path of the directory that holds its `.git`. */
  top: string;
  onDoubt: (doubt: RootDoubt) => void;
  /** Events may have been lost. */
  onOverflow: () => void;
}

/**
 * Notices that another repository may be at a root, or none, or one at last: watches every step of the way to the root,
 * to its `.git`, to the git directory that it names, and to the settings that say whose working tree it is.
 */
export class RootWatch {
  readonly #root: string;
  readonly #top: string;
  readonly #watch: ResolutionWatch<undefined>;

  constructor({ names, root, top, onDoubt, onOverflow }: RootWatchOptions) {
    this.#root = bytesOfText(root);
    this.#top = bytesOfText(top);
    this.#watch = new ResolutionWatch({
      names,
      onOverflow,
      onChange: (_part, { kind, replaced }) => onDoubt(kind === "directory" && replaced ? "replaced" : "contents"),
    });
  }

  /** Why some steps have no watch; `undefined`: all have one. */
  get missing(): string | undefined {
    return this.#watch.missing;
  }

  /** Where another repository can come to stand; see {@link ResolutionWatch.places}. */
  places(): string[] {
    return this.#watch.places();
  }

  /** Places the watches anew. Look at the root after this. */
  place(): void {
    const paths = (): string[] => [this.#root, ...decidingPaths(this.#top), ...decidingSettings(this.#top)];
    this.#watch.place(() => new Map(paths().map((path) => [path, undefined])));
  }

  close(): void {
    this.#watch.close();
  }
}
