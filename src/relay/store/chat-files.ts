import type { ReadStream } from "node:fs";
import { systemCode } from "../../util/index.js";
import type { BlobStore, StagedBlob } from "./blobs.js";
import type { FileEntry, FileStore } from "./files.js";

type Durable = <T>(write: () => T) => Promise<T>;

/**
 * Chat files whole: bytes and entry come and go together. Of each digest one comes or goes at a time; otherwise the bytes
 * of an upload could be deleted, with the last entry before it, after they were found to be there and before they are
 * entered.
 */
export class ChatFiles {
  readonly #files: FileStore;
  readonly #blobs: BlobStore;
  readonly #durable: Durable;
  /** The last job of each digest that has any. */
  readonly #jobs = new Map<string, Promise<void>>();

  /** @param durable writes what a caller will be told was written, again after another process's lock */
  constructor(files: FileStore, blobs: BlobStore, durable: Durable) {
    this.#files = files;
    this.#blobs = blobs;
    this.#durable = durable;
  }

  /**
   * Keeps bytes and enters a file that has them. When this resolves, the file outlives a power cut; when it rejects, nothing
   * stays behind.
   *
   * @param hooks `check` is called before and `entered` after the entry is made, all in one turn
   * @throws what `check`, the file system or the database throws
   */
  add(
    blob: StagedBlob,
    file: Omit<FileEntry, "id">,
    hooks: { check: () => void; entered: () => void },
  ): Promise<FileEntry> {
    return this.#oneAtATime(blob.digest, async () => {
      let entry: FileEntry | undefined;
      try {
        await blob.commit();
        return await this.#durable(() => {
          hooks.check();
          entry = this.#files.add(file);
          hooks.entered();
          return entry;
        });
      } catch (thrown) {
        if (entry !== undefined) this.#files.delete(entry.id); // it is not known to be on disk
        await this.#deleteUnused(blob.digest);
        throw thrown;
      }
    });
  }

  /** Takes a file away; its bytes go with the last file that has them. @returns whether it was there */
  remove({ id, digest }: Pick<FileEntry, "id" | "digest">): Promise<boolean> {
    return this.#oneAtATime(digest, async () => {
      const wasThere = await this.#durable(() => this.#files.delete(id));
      await this.#deleteUnused(digest);
      return wasThere;
    });
  }

  /** A file's bytes; `undefined` when it has been taken away meanwhile. @throws a system error when they are missing */
  async read({ id, digest }: Pick<FileEntry, "id" | "digest">): Promise<ReadStream | undefined> {
    try {
      return await this.#blobs.read(digest);
    } catch (thrown) {
      if (systemCode(thrown) === "ENOENT" && this.#files.get(id) === undefined) return undefined;
      throw thrown;
    }
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
