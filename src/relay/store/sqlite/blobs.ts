import { randomUUID } from "node:crypto";
import { createReadStream, type ReadStream } from "node:fs";
import { open, readdir, rename, rm, stat, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { makeDirectories, systemCode } from "../../../util/index.js";
import { ORPHAN_AGE_MS, takeIn } from "../file-intake.js";
import type { StagedBlob } from "../records.js";

/** Where bytes are until they have an address, each file under the id of the process that writes it. */
const STAGING = "staging";

/**
 * Bytes under the hash of their content, each in a file that is either whole or not there: they are written and synced
 * under a name of their own, and get their address by a rename. `digest` is the only part of a path, and always made here.
 */
export class BlobStore {
  readonly #directory: string;
  readonly #staging: string;

  constructor(directory: string) {
    this.#directory = directory;
    this.#staging = join(directory, STAGING);
  }

  /**
   * Writes a stream's bytes. Holds on to no chunk once it has asked for the next one.
   *
   * @param limit bytes
   * @throws BlobTooLargeError, or what the stream or the file system throws; then nothing stays behind
   */
  async stage(source: AsyncIterable<Uint8Array>, limit: number): Promise<StagedBlob> {
    const isNew = await makeDirectories(this.#staging, 0o700);
    if (isNew) await syncDirectory(dirname(this.#directory));
    const path = join(this.#staging, `${process.pid}.${randomUUID()}`);
    const discard = () => rm(path, { force: true });
    const file = await open(path, "wx", 0o600);
    try {
      const taken = await takeIn(source, limit, (chunk) => file.writeFile(chunk));
      await file.sync();
      return { ...taken, commit: () => this.#commit(path, taken.digest), discard };
    } catch (thrown) {
      await discard();
      throw thrown;
    } finally {
      await file.close();
    }
  }

  /** @throws a system error when they are not there */
  async read(digest: string): Promise<ReadStream> {
    const file = await open(this.#path(digest), "r");
    return createReadStream("", { fd: file });
  }

  /** Nobody has these bytes any more. Who still reads them reads on. */
  async delete(digest: string): Promise<void> {
    await rm(this.#path(digest), { force: true });
  }

  /** How many bytes the file system has left for the relay's user. */
  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(dirname(this.#directory));
    return bavail * bsize;
  }

  /**
   * Lets go of what the interrupted uploads of a process that is gone left behind. To be called before the first upload.
   *
   * @param isUsed whether a file has the bytes of that digest
   */
  async sweep(isUsed: (digest: string) => boolean): Promise<void> {
    const oldest = Date.now() - ORPHAN_AGE_MS;
    for (const folder of await list(this.#directory)) {
      for (const name of await list(join(this.#directory, folder))) {
        const path = join(this.#directory, folder, name);
        const isOld = async () => (await stat(path)).mtimeMs < oldest;
        const goes = folder === STAGING ? writerIsGone(name) || (await isOld()) : !isUsed(name) && (await isOld());
        if (goes) await rm(path, { force: true });
      }
    }
  }

  async #commit(path: string, digest: string): Promise<void> {
    const target = this.#path(digest);
    const folder = dirname(target);
    await makeDirectories(folder, 0o700);
    await rename(path, target); // over the same bytes, when they are there already
    await syncDirectory(folder);
    await syncDirectory(this.#directory);
  }

  #path(digest: string): string {
    return join(this.#directory, digest.slice(0, 2), digest);
  }
}

/** Whether no other process writes a staged file any more. In a container the one before had the same id as this one. */
function writerIsGone(name: string): boolean {
  const pid = Number.parseInt(name, 10);
  if (!(pid > 0) || pid === process.pid) return true;
  try {
    process.kill(pid, 0);
    return false;
  } catch (thrown) {
    return systemCode(thrown) === "ESRCH"; // else it lives, and belongs to somebody else
  }
}

/** A rename is on disk when its directory is. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

async function list(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (thrown) {
    if (systemCode(thrown) === "ENOENT") return []; // nothing was uploaded yet
    throw thrown;
  }
}
