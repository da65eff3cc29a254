import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Pair } from "./generate.js";

/** Packages of different character, each in successive versions: pinned, fetched when they are needed, never kept. */
export const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  typescript: ["5.3.3", "5.4.5", "5.5.4"],
  three: ["0.148.0", "0.150.0", "0.152.0", "0.154.0"],
  lodash: ["4.16.6", "4.17.4", "4.17.15", "4.17.21"],
  "react-dom": ["17.0.2", "18.0.0", "18.2.0", "18.3.1"],
  "date-fns": ["2.28.0", "2.30.0", "3.0.0", "3.6.0"],
  "@types/node": ["16.18.0", "18.19.0", "20.11.0", "22.5.0"],
  bootstrap: ["5.1.3", "5.2.3", "5.3.3"],
  "mime-db": ["1.50.0", "1.52.0", "1.53.0"],
};

/** One version of a package on disk. */
export interface Version {
  readonly name: string;
  readonly version: string;
  readonly dir: string;
}

/** Fetches every version with npm into a directory of its own, which {@link close} removes. */
export class Packages {
  readonly #scratch = mkdtempSync(join(tmpdir(), "treewire-packages-"));

  /** The versions of one package, oldest first. @throws when npm can't fetch one */
  fetch(name: string): Version[] {
    return (PACKAGES[name] ?? []).map((version) => {
      const dir = join(this.#scratch, `${name.replace("/", "-")}-${version}`);
      mkdirSync(dir);
      const pack = ["pack", `${name}@${version}`, "--silent", "--pack-destination", dir];
      const archive = execFileSync("npm", pack, { cwd: dir, encoding: "utf8" }).trim();
      execFileSync("tar", ["-xzf", archive, "--strip-components=1"], { cwd: dir });
      rmSync(join(dir, archive));
      return { name, version, dir };
    });
  }

  close(): void {
    rmSync(this.#scratch, { recursive: true });
  }
}

/** Every file that both versions have and that differs. */
export function changedFiles(older: Version, newer: Version): Pair[] {
  const files = readdirSync(older.dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.flatMap((entry) => {
    const path = join(entry.parentPath, entry.name).slice(older.dir.length + 1);
    const before = readFileSync(join(older.dir, path));
    const after = read(join(newer.dir, path));
    if (after === undefined || before.equals(after)) return [];
    return [{ name: `${older.name} ${older.version} to ${newer.version}, ${path}`, before, after }];
  });
}

function read(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
