import { randomUUID } from "node:crypto";
import type Database from "libsql";
import { z } from "zod";
import { fileEntrySchema } from "../file-intake.js";
import type { FileEntry, FileScope } from "../records.js";

const usageSchema = z.object({ bytes: z.int() });
const totalsSchema = z.object({ bytes: z.int(), ofLargestOwner: z.int() });

/** What is known of chat files, at rest, without waiting; what writes is called in a transaction. */
export class FileTable {
  readonly #insert: Database.Statement;
  readonly #byId: Database.Statement;
  readonly #byDigest: Database.Statement;
  readonly #delete: Database.Statement;
  readonly #usage: Database.Statement;
  readonly #totals: Database.Statement;

  constructor(db: Database.Database) {
    this.#insert = db.prepare(
      `insert into files (id, organization, owner, name, type, size, digest, created_at)
       values (?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#byId = db.prepare("select * from files where id = ?");
    this.#byDigest = db.prepare("select 1 from files where digest = ? limit 1");
    this.#delete = db.prepare("delete from files where id = ?");
    this.#usage = db.prepare("select bytes from file_usage where scope = ? and name = ?");
    this.#totals = db.prepare(
      `select coalesce(sum(bytes), 0) as bytes, coalesce(max(bytes), 0) as ofLargestOwner
       from file_usage where scope = 'owner'`,
    );
  }

  /** Enters a file whose bytes are on disk already. */
  add(file: Omit<FileEntry, "id"> & { id?: string }): FileEntry {
    const { id = randomUUID() } = file;
    const { organization, owner, name, type, size, digest } = file;
    this.#insert.run(id, organization, owner, name, type, size, digest, Date.now());
    return { ...file, id };
  }

  /** @param id in lower case */
  get(id: string): FileEntry | undefined {
    const row = this.#byId.get(id);
    return row === undefined ? undefined : fileEntrySchema.parse(row);
  }

  /** @returns whether it was there */
  delete(id: string): boolean {
    return this.#delete.run(id).changes > 0;
  }

  /** The files of an owner or an organization, as their budgets count them. In bytes. */
  usedBy(scope: FileScope, name: string): number {
    const row = this.#usage.get(scope, name);
    return row === undefined ? 0 : usageSchema.parse(row).bytes;
  }

  /** All files, and those of the owner who has the most, as budgets count them. In bytes. */
  totals(): { bytes: number; ofLargestOwner: number } {
    return totalsSchema.parse(this.#totals.get());
  }

  /** Whether any file has these bytes. */
  uses(digest: string): boolean {
    return this.#byDigest.get(digest) !== undefined;
  }
}
