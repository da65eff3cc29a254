import { openSync, readSync } from "node:fs";
import { type Clock, systemClock, systemCode } from "../../util/index.js";

/**
 * How often the table is read, in milliseconds. A tree has to be right within a second; each reading wakes an idle
 * thread, which costs several times what the reading does.
 */
export const MOUNTS_READ_EVERY_MS = 500;

/** Where the mount point stands in a line of `/proc/self/mountinfo` (proc(5)). */
const MOUNT_POINT_FIELD = 4;

/** Takes the absolute byte paths at which something was mounted, unmounted or mounted over. */
export type MountListener = (points: ReadonlySet<string>) => void;

/**
 * What is mounted where, as this process sees it. A file system that is mounted over a directory or a file raises no
 * event in what it covers, so the table is read while anybody follows it: one timer, however many trees there are.
 * The kernel tells of changes by `poll` alone, which Node has no call for. Where there is no such table, nothing is told.
 */
export class MountTable {
  readonly #clock: Clock;
  readonly #read: () => Buffer;
  readonly #listeners = new Set<MountListener>();
  #bytes: Buffer | undefined;
  /** Line → mount point. */
  #mounts = new Map<string, string>();
  #points: ReadonlySet<string> = new Set();
  #cancel: (() => void) | undefined;

  /** @param read gives the table's bytes, which hold until it is called again; it throws a system error where there is none */
  constructor(clock: Clock = systemClock, read = tableReader()) {
    this.#clock = clock;
    this.#read = read;
  }

  /** The mount points, as absolute byte paths. */
  get points(): ReadonlySet<string> {
    return this.#points;
  }

  /** Calls the listener whenever the table is another one than now. @returns what ends that */
  follow(listener: MountListener): () => void {
    this.look();
    this.#listeners.add(listener);
    this.#schedule();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      this.#cancel?.();
      this.#cancel = undefined;
    };
  }

  #schedule(): void {
    if (this.#bytes === undefined) return; // there is no table here
    this.#cancel ??= this.#clock.after(MOUNTS_READ_EVERY_MS, () => {
      this.#cancel = undefined;
      this.look();
      if (this.#listeners.size > 0) this.#schedule();
    });
  }

  /** Reads the table, before something is looked at: what is mounted for less time than a timer would notice counts too. */
  look(): void {
    let bytes: Buffer;
    try {
      bytes = this.#read();
    } catch (error) {
      if (systemCode(error) === undefined) throw error;
      return; // not Linux, or no /proc
    }
    if (this.#bytes?.equals(bytes)) return;
    this.#bytes = Buffer.from(bytes);
    const before = this.#mounts;
    this.#mounts = parse(bytes);
    this.#points = new Set(this.#mounts.values());
    const changed = new Set<string>();
    for (const [line, point] of before) if (!this.#mounts.has(line)) changed.add(point);
    for (const [line, point] of this.#mounts) if (!before.has(line)) changed.add(point);
    if (changed.size > 0) for (const listener of [...this.#listeners]) listener(changed);
  }
}

/** The table of this process, which all trees of a thread share. */
export const systemMounts = new MountTable();

/**
 * Reads the table again and again, four times a second for as long as the agent runs: through one descriptor, into one
 * buffer, so that an idle agent makes no garbage. What it returns holds until the next call.
 */
function tableReader(): () => Buffer {
  let descriptor: number | undefined;
  let buffer = Buffer.alloc(16 * 1024);
  return () => {
    descriptor ??= openSync("/proc/self/mountinfo", "r");
    let length = 0;
    for (;;) {
      const count = readSync(descriptor, buffer, length, buffer.length - length, length);
      if (count === 0) return buffer.subarray(0, length);
      length += count;
      if (length === buffer.length) buffer = Buffer.concat([buffer, Buffer.alloc(length)]);
    }
  };
}

function parse(bytes: Buffer): Map<string, string> {
  const mounts = new Map<string, string>();
  for (const line of bytes.toString("latin1").split("\n")) {
    const point = line.split(" ")[MOUNT_POINT_FIELD];
    if (point === undefined) continue;
    // blanks, tabs, line feeds and backslashes stand there as octal numbers
    mounts.set(
      line,
      point.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8))),
    );
  }
  return mounts;
}

/** Whether one of two absolute paths is the other, or is below it. */
export function areNested(a: string, b: string): boolean {
  return isAtOrBelow(a, b) || isAtOrBelow(b, a);
}

/** Whether an absolute path is another one, or is below it. */
export function isAtOrBelow(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory.endsWith("/") ? directory : `${directory}/`);
}
