import { type BigIntStats, lstatSync, readlinkSync } from "node:fs";
import { absoluteFilePath } from "../../git/index.js";
import { systemCode } from "../../util/index.js";
import type { NameWatch, NameWatches } from "./name-watches.js";
import { type Look, resolutionSteps, type Step } from "./resolution.js";

/**
 * The directories that one set of files is looked for in are watched up to this number: a real configuration has
 * fewer than twenty, and a hundred includes of a hundred directories each must not take all watches of the machine.
 */
export const MAX_DIRECTORIES = 1000;

/** While what is to be watched moves, it is walked anew so many times; the events of the last one say how it went on. */
const MAX_WALKS = 5;

/** What an event said of one step on the way to a file. */
export interface StepChange {
  /** Absolute byte path of the name that may have changed. */
  readonly path: string;
  /** What it stood for when it was watched. */
  readonly kind: Step["kind"];
  /** Whether it may stand for another file than before. */
  readonly replaced: boolean;
}

export interface ResolutionWatchOptions<Part> {
  names: NameWatches;
  /** A step on the way to files of this part may have changed. Place the watches anew before these are read. */
  onChange: (part: Part, change: StepChange) => void;
  /** Events may have been lost. */
  onOverflow: () => void;
}

interface Watched<Part> {
  readonly step: Step;
  readonly parts: Set<Part>;
  watch: NameWatch | undefined;
}

/**
 * Watches every step of the way to each of a set of files: directories, links at any place, and the first name that is
 * missing. Git replaces its files by a rename, so directories are watched for names, and never the files.
 */
export class ResolutionWatch<Part> {
  /** Why some steps have no watch: a system error code, or "bound" for {@link MAX_DIRECTORIES}; else `undefined`. */
  missing: string | undefined;
  readonly #options: ResolutionWatchOptions<Part>;
  #watched = new Map<string, Watched<Part>>();

  constructor(options: ResolutionWatchOptions<Part>) {
    this.#options = options;
  }

  /**
   * Places the watches anew: those that are still right stay, and no directory that is watched before and after is
   * without a watch meanwhile. What the files say is to be read after this.
   *
   * @param paths absolute byte path of a file or directory → what its change may have changed. Asked again once its
   *   answer is watched, as it may itself depend on what pointer files say
   * @returns the parts that had a step which was not watched before
   */
  place(paths: () => ReadonlyMap<string, Part>): Set<Part> {
    const moved = new Set<Part>();
    for (let walks = 0; walks < MAX_WALKS; walks += 1) {
      const wanted = this.#walk(paths());
      // the walk that finds nothing new was made after the watches were placed: what changes now is reported
      if (!this.#replace(wanted, moved)) break;
    }
    return moved;
  }

  /**
   * Where something else can come to stand, beside the directories of each way: the names that were found to be links,
   * files or missing, and the directories of which every name counts. Absolute byte paths, without links above the last
   * name.
   */
  places(): string[] {
    const steps = Array.from(this.#watched.values(), ({ step }) => step);
    return steps.flatMap(({ directory, name, kind }) => {
      if (name === undefined) return directory;
      return kind === "directory" ? [] : pathOf(directory, name);
    });
  }

  close(): void {
    for (const { watch } of this.#watched.values()) watch?.close();
    this.#watched.clear();
  }

  #walk(paths: ReadonlyMap<string, Part>): Map<string, Watched<Part>> {
    const looks = new Map<string, Look>();
    const look = (path: string): Look => {
      const known = looks.get(path) ?? lookAtPath(path);
      looks.set(path, known);
      return known;
    };
    const wanted = new Map<string, Watched<Part>>();
    for (const [path, part] of paths) {
      for (const step of resolutionSteps(path, look)) {
        const key = `${step.identity}\0${step.directory}\0${step.name ?? "/"}`;
        const known = wanted.get(key);
        if (known === undefined) wanted.set(key, { step, parts: new Set([part]), watch: undefined });
        else known.parts.add(part);
      }
    }
    return wanted;
  }

  /** @param moved takes the parts of new steps @returns whether any step is new */
  #replace(wanted: Map<string, Watched<Part>>, moved: Set<Part>): boolean {
    const before = this.#watched;
    const directories = new Set<string>();
    let isNew = false;
    this.missing = undefined;
    for (const [key, entry] of wanted) {
      const known = before.get(key);
      const isSame = known?.step.kind === entry.step.kind && [...entry.parts].every((part) => known.parts.has(part));
      if (!isSame) {
        isNew = true;
        for (const part of entry.parts) if (known?.parts.has(part) !== true) moved.add(part);
      }
      directories.add(entry.step.identity);
      if (isSame && known.watch?.isLive === true) entry.watch = known.watch;
      else if (directories.size > MAX_DIRECTORIES) this.missing = "bound";
      else this.#start(entry);
    }
    const kept = new Set(Array.from(wanted.values(), ({ watch }) => watch));
    for (const { watch } of before.values()) if (watch !== undefined && !kept.has(watch)) watch.close();
    this.#watched = wanted;
    return isNew;
  }

  #start(entry: Watched<Part>): void {
    const { names, onChange, onOverflow } = this.#options;
    const { step, parts } = entry;
    const onName = (name: string | undefined, replaced: boolean): void => {
      const path = name === undefined ? step.directory : pathOf(step.directory, name);
      for (const part of parts) onChange(part, { path, kind: step.kind, replaced });
    };
    const { directory, identity, name } = step;
    const started = names.add({ directory, identity, name, onName, onOverflow });
    if (typeof started === "object") entry.watch = started;
    // one that may not be read has events for nobody, and is no sign of a limit: the sweep finds what happens in it
    else if (started !== undefined && started !== "EACCES" && started !== "EPERM") this.missing = started;
  }
}

function pathOf(directory: string, name: string): string {
  return directory === "/" ? `/${name}` : `${directory}/${name}`;
}

/** What is at an absolute byte path. */
function lookAtPath(path: string): Look {
  const file = absoluteFilePath(path);
  try {
    const stats = lstatSync(file, { bigint: true });
    if (stats.isDirectory()) return { kind: "directory", identity: directoryIdentity(stats) };
    if (stats.isSymbolicLink()) return { kind: "link", target: readlinkSync(file, "latin1") };
    return { kind: "file" };
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return { kind: "absent" };
  }
}

/** A deleted directory's inode number is soon given to another one, which was born later. */
function directoryIdentity({ dev, ino, birthtimeNs }: BigIntStats): string {
  return `${dev} ${ino} ${birthtimeNs}`;
}
