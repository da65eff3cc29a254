import { Readable } from "node:stream";
import { z } from "zod";
import { fileEntrySchema, ORPHAN_AGE_MS, takeIn } from "../file-intake.js";
import { type FileEntry, type FileScope, LEAST_FILE_BYTES, type StagedBlob } from "../records.js";
import type { ChatFiles, OnBehalf } from "../store.js";
import { StoreUnavailableError } from "../trouble.js";
import type { BlobStream } from "./blobs.js";
import type { RecordStream } from "./record-stream.js";
import { idIn, recordFilters, recordSubjects } from "./subjects.js";
import { requireLive } from "./tokens.js";
import type { RecordWriter, Transaction } from "./transaction.js";

const useSchema = z.object({ bytes: z.int() });

/** {@link ChatFiles} that all relays share: the bytes are written while they come, and count when the entry is there. */
export class NatsChatFiles implements ChatFiles {
  readonly #stream: RecordStream;
  readonly #writer: RecordWriter;
  readonly #blobs: BlobStream;
  readonly sweepsBeside = true;
  /** Under which id the bytes are that have no entry yet. */
  readonly #staged = new WeakMap<StagedBlob, string>();

  constructor(stream: RecordStream, writer: RecordWriter, blobs: BlobStream) {
    this.#stream = stream;
    this.#writer = writer;
    this.#blobs = blobs;
  }

  async stage(source: AsyncIterable<Uint8Array>, limit: number): Promise<StagedBlob> {
    const writer = this.#blobs.writer();
    const discard = () => this.#blobs.delete(writer.id);
    try {
      const taken = await takeIn(source, limit, (chunk) => writer.write(chunk));
      await writer.end();
      let isKept = false;
      const blob = {
        ...taken,
        commit: async () => {
          isKept = true;
        },
        discard: async () => {
          if (!isKept) await discard();
        },
      };
      this.#staged.set(blob, writer.id);
      return blob;
    } catch (thrown) {
      await discard().catch(() => undefined); // the next sweep takes it
      throw thrown;
    }
  }

  async add(
    blob: StagedBlob,
    file: Omit<FileEntry, "id">,
    { entered, by }: OnBehalf & { entered?: () => void } = {},
  ): Promise<FileEntry> {
    const id = this.#staged.get(blob);
    if (id === undefined) throw new Error("another store has staged it");
    const entry = { id, ...file };
    try {
      await this.#writer.write(async (transaction) => {
        await requireLive(transaction, by);
        await enterFile(transaction, entry);
      });
    } catch (thrown) {
      await this.#takeBack(entry, thrown);
      throw thrown;
    }
    await blob.commit();
    entered?.();
    return entry;
  }

  async get(id: string): Promise<FileEntry | undefined> {
    const { value } = await this.#stream.get(recordSubjects.file(id));
    return value === null ? undefined : fileEntrySchema.parse(value);
  }

  async read({ id }: Pick<FileEntry, "id" | "digest">): Promise<Readable | undefined> {
    const entry = await this.get(id);
    if (entry === undefined) return undefined;
    const pieces = this.#blobs.read(id, entry.size);
    let first: IteratorResult<Uint8Array>;
    try {
      first = await pieces.next();
    } catch (thrown) {
      if (!(thrown instanceof StoreUnavailableError) && (await this.get(id)) === undefined) return undefined;
      throw thrown;
    }
    return Readable.from(resumed(first, pieces), { objectMode: false });
  }

  async remove({ id }: Pick<FileEntry, "id" | "digest">): Promise<boolean> {
    const wasThere = await this.#writer.write(async (transaction) => {
      const entry = await transaction.get(recordSubjects.file(id), fileEntrySchema);
      if (entry === undefined) return false;
      transaction.delete(recordSubjects.file(id));
      await useIn(transaction, entry, -Math.max(entry.size, LEAST_FILE_BYTES));
      return true;
    });
    await this.#blobs.delete(id);
    return wasThere;
  }

  async usedBy(scope: FileScope, name: string): Promise<number> {
    const { value } = await this.#stream.get(recordSubjects.use(scope, name));
    return value === null ? 0 : useSchema.parse(value).bytes;
  }

  async totals(): Promise<{ bytes: number; ofLargestOwner: number }> {
    const found = await this.#stream.getMany(await this.#stream.subjects(recordFilters.ownersUse));
    const totals = { bytes: 0, ofLargestOwner: 0 };
    for (const { value } of found.values()) {
      const { bytes } = useSchema.nullable().parse(value) ?? { bytes: 0 };
      totals.bytes += bytes;
      totals.ofLargestOwner = Math.max(totals.ofLargestOwner, bytes);
    }
    return totals;
  }

  freeBytes(): Promise<number> {
    return this.#blobs.freeBytes();
  }

  async sweep(isOver: () => boolean = () => false): Promise<void> {
    const entered = new Set((await this.#stream.subjects(recordFilters.files)).map(idIn));
    for await (const id of this.#blobs.olderThan(ORPHAN_AGE_MS, entered)) {
      if (isOver()) return;
      if ((await this.get(id)) === undefined) await this.#blobs.delete(id);
    }
  }

  /** Lets nothing stay behind of a file that was not entered, or of which nobody knows whether it was. */
  async #takeBack(entry: FileEntry, thrown: unknown): Promise<void> {
    try {
      if (thrown instanceof StoreUnavailableError) await this.remove(entry);
      else await this.#blobs.delete(entry.id);
    } catch {
      // bytes without an entry go with the next sweep
    }
  }
}

/** Enters a file whose bytes are there under its id. */
export async function enterFile(transaction: Transaction, file: FileEntry): Promise<void> {
  transaction.put(recordSubjects.file(file.id), file);
  await useIn(transaction, file, Math.max(file.size, LEAST_FILE_BYTES));
}

async function* resumed(
  first: IteratorResult<Uint8Array>,
  rest: AsyncGenerator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  if (first.done) return;
  yield first.value;
  yield* rest;
}

/** What its owner and its organization use up changes by so many bytes. */
async function useIn(
  transaction: Transaction,
  { owner, organization }: Pick<FileEntry, "owner" | "organization">,
  bytes: number,
): Promise<void> {
  for (const subject of [recordSubjects.use("owner", owner), recordSubjects.use("organization", organization)]) {
    const before = (await transaction.get(subject, useSchema))?.bytes ?? 0;
    if (before + bytes > 0) transaction.put(subject, { bytes: before + bytes });
    else transaction.delete(subject);
  }
}
