import type { Readable } from "node:stream";
import { systemCode } from "../../../util/index.js";
import type { FileEntry, FileScope, StagedBlob } from "../records.js";
import type { ChatFiles, OnBehalf } from "../store.js";
import type { BlobStore } from "./blobs.js";
import type { FileTable } from "./files.js";

/**
 * Writes what a caller will be told was written: all of it or nothing, after another process's lock too.
 *
 * @param options `written`: called in the same turn
 * @throws PreconditionError when `by` does not count, and what the job throws
 */
export type Write = <T>(job: () => T, options?: OnBehalf & { written?: (result: T) => void }) => Promise<T>;

/**
 * {@link ChatFiles} with the bytes beside the database. Of each digest one comes or goes at a time; otherwise the bytes
 * of an upload could be deleted, with the last entry before it, after they were found to be there and before they are
 * entered.
 */
export class SqliteChatFiles implements ChatFiles {
  readonly sweepsBeside = false;
  readonly #files: FileTable;
  readonly #blobs: BlobStore;
  readonly #write: Write;
  /** The last job of each digest that has any. */
  readonly #jobs = new Map<string, Promise<void>>();

  constructor(files: FileTable, blobs: BlobStore, write: Write) {
    this.#files = files;
    this.#blobs = blobs;
    this.#write = write;
  }

  stage(source: AsyncIterable<Uint8Array>, limit: number): Promise<StagedBlob> {
    return this.#blobs.stage(source, limit);
  }

  add(
    blob: StagedBlob,
    file: Omit<FileEntry, "id">,
    options: OnBehalf & { entered?: () => void } = {},
  ): Promise<FileEntry> {
    return this.#add(blob, file, options);
  }

  /** Keeps bytes and enters a file that has them, under an id that is not there. */
  addAs(file: FileEntry, blob: StagedBlob): Promise<FileEntry> {
    return this.#add(blob, file, {});
  }

  #add(
    blob: StagedBlob,
    file: Omit<FileEntry, "id"> & { id?: string },
    { entered, ...onBehalf }: OnBehalf & { entered?: () => void },
  ): Promise<FileEntry> {
    return this.#oneAtATime(blob.digest, async () => {
      let entry: FileEntry | undefined;
      const written = (made: FileEntry) => {
        entry = made;
        entered?.();
      };
      try {
        await blob.commit();
        return await this.#write(() => this.#files.add(file), { ...onBehalf, written });
      } catch (thrown) {
        if (entry !== undefined) this.#files.delete(entry.id); // it is not known to be on disk
        await this.#deleteUnused(blob.digest);
        throw thrown;
      }
    });
  }

  async get(id: string): Promise<FileEntry | undefined> {
    return this.#files.get(id);
  }

  remove({ id, digest }: Pick<FileEntry, "id" | "digest">): Promise<boolean> {
    return this.#oneAtATime(digest, async () => {
      const wasThere = await this.#write(() => this.#files.delete(id));
      await this.#deleteUnused(digest);
      return wasThere;
    });
  }

  async read({ id, digest }: Pick<FileEntry, "id" | "digest">): Promise<Readable | undefined> {
    try {
      return await this.#blobs.read(digest);
    } catch (thrown) {
      if (systemCode(thrown) === "ENOENT" && this.#files.get(id) === undefined) return undefined;
      throw thrown;
    }
  }

  async usedBy(scope: FileScope, name: string): Promise<number> {
    return this.#files.usedBy(scope, name);
  }

  async totals(): Promise<{ bytes: number; ofLargestOwner: number }> {
    return this.#files.totals();
  }

  freeBytes(): Promise<number> {
    return this.#blobs.freeBytes();
  }

  sweep(): Promise<void> {
    return this.#blobs.sweep((digest) => this.#files.uses(digest));
  }

  async #deleteUnused(digest: string): Promise<void> {
    if (!this.#files.uses(digest)) await this.#blobs.delete(digest);
  }

  #oneAtATime<T>(digest: string, job: () => Promise<T>): Promise<T> {
    const done = (this.#jobs.get(digest) ?? Promise.resolve()).then(job);
    const settled = done
      .then(
        () => undefined,
        () => undefined,
      )
      .then(() => {
        if (this.#jobs.get(digest) === settled) this.#jobs.delete(digest);
      });
    this.#jobs.set(digest, settled);
    return done;
  }
}
