import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmdirSync, rmSync, statfsSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Cleanup, tempDir } from "./temp.js";

const CHUNK = Buffer.alloc(64 * 1024);

/** A file system of a few mebibytes (tmpfs), which a test fills up to the last byte: a disk that is full indeed. */
export class SmallDisk {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** Why this process may not mount one; `false` when it may. */
  static get refusal(): string | false {
    const path = mkdtempSync(join(tmpdir(), "treewire-test-"));
    try {
      mountAt(path, CHUNK.length);
      execFileSync("umount", [path]);
      return false;
    } catch {
      return "mounting a small file system takes root";
    } finally {
      rmdirSync(path);
    }
  }

  /** @param bytes its size @throws where {@link refusal} says so */
  static mount(t: Cleanup, bytes: number): SmallDisk {
    const path = tempDir(t);
    mountAt(path, bytes);
    // lazily: whoever still has a file open there is on the way out
    t.teardown(() => execFileSync("umount", ["--lazy", path]));
    return new SmallDisk(path);
  }

  /** Takes all the room that is left. */
  fill(): void {
    const file = openSync(join(this.path, "ballast"), "a");
    try {
      for (let size = CHUNK.length; size >= 1; ) {
        try {
          writeSync(file, CHUNK, 0, size);
        } catch {
          size = Math.floor(size / 2); // ENOSPC
        }
      }
    } finally {
      closeSync(file);
    }
  }

  /** Gives it back. */
  empty(): void {
    rmSync(join(this.path, "ballast"), { force: true });
  }

  /** How many bytes are left. */
  get free(): number {
    const { bavail, bsize } = statfsSync(this.path);
    return bavail * bsize;
  }
}

function mountAt(path: string, bytes: number): void {
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", path], { stdio: "ignore" });
}
