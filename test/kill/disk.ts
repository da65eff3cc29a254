import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import Database from "libsql";
import { z } from "zod";

const rowsSchema = z.array(z.object({ id: z.string(), digest: z.string(), size: z.int() }));

/** Looks at a relay's data directory from the outside. */
export class Disk {
  readonly #dataDir: string;
  /** Files that were found whole. They are never written again. */
  readonly #whole = new Set<string>();

  constructor(dataDir: string) {
    this.#dataDir = dataDir;
  }

  /** @returns what is half there: bytes that are not those of their address, entries without their bytes, scraps */
  check(): string[] {
    return [...this.#badBytes(), ...this.#badEntries()];
  }

  *#badBytes(): Generator<string> {
    const files = join(this.#dataDir, "files");
    if (!existsSync(files)) return;
    for (const entry of readdirSync(files, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || this.#whole.has(entry.name)) continue;
      const path = join(entry.parentPath, entry.name);
      const digest = createHash("sha256").update(readFileSync(path)).digest("hex");
      if (digest === entry.name) this.#whole.add(digest);
      else yield `${path} holds ${statSync(path).size} bytes of ${digest}`;
    }
  }

  *#badEntries(): Generator<string> {
    const db = new Database(join(this.#dataDir, "treewire.db"), { readonly: true });
    try {
      for (const { integrity_check } of z
        .array(z.object({ integrity_check: z.string() }))
        .parse(db.prepare("pragma integrity_check").all())) {
        if (integrity_check !== "ok") yield `the database: ${integrity_check}`;
      }
      for (const { id, digest, size } of rowsSchema.parse(db.prepare("select id, digest, size from files").all())) {
        const path = join(this.#dataDir, "files", digest.slice(0, 2), digest);
        const found = statSync(path, { throwIfNoEntry: false })?.size;
        if (found !== size) yield `file ${id} has ${found} of ${size} bytes`;
      }
    } finally {
      db.close();
    }
  }
}
