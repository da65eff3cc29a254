import { randomUUID } from "node:crypto";
import { z } from "zod";
import { type NatsLink, REQUEST_MS, RefusedWriteError } from "./nats-link.js";
import { BLOB_STREAM } from "./streams.js";

/** What NATS takes by default is 1 MiB a message. Bytes. */
export const PIECE_BYTES = 512 * 1024;
/** Where the account has no limit, its servers refuse what they have no room for. */
const UNLIMITED = Number.MAX_SAFE_INTEGER;

const ackSchema = z.union([
  z.object({ error: z.object({ err_code: z.int(), description: z.string() }) }),
  z.object({ seq: z.int() }),
]);

/** Bytes that are being written, piece by piece. */
export interface BlobWriter {
  readonly id: string;
  /** Adds bytes; keeps hold of none of them. @throws StoreUnavailableError */
  write(chunk: Uint8Array): Promise<void>;
  /** Writes the rest. @throws StoreUnavailableError */
  end(): Promise<void>;
}

/**
 * Bytes in pieces of {@link PIECE_BYTES}, each a message under an id of its own: no two files share any, so that nobody takes away
 * what somebody else has just entered.
 */
export class BlobStream {
  readonly #link: NatsLink;

  constructor(link: NatsLink) {
    this.#link = link;
  }

  /** @param id one that no bytes have */
  writer(id: string = randomUUID()): BlobWriter {
    const piece = Buffer.allocUnsafe(PIECE_BYTES);
    let filled = 0;
    let count = 0;
    const flush = async () => {
      await this.#put(subjectOf(id, count), piece.subarray(0, filled));
      count += 1;
      filled = 0;
    };
    return {
      id,
      write: async (chunk) => {
        for (let from = 0; from < chunk.length; ) {
          const part = chunk.subarray(from, from + PIECE_BYTES - filled);
          piece.set(part, filled);
          filled += part.length;
          from += part.length;
          if (filled === PIECE_BYTES) await flush();
        }
      },
      end: async () => {
        if (filled > 0 || count === 0) await flush();
      },
    };
  }

  /** @param size in bytes @returns its pieces one by one @throws StoreUnavailableError; an error when one is missing */
  async *read(id: string, size: number): AsyncGenerator<Uint8Array> {
    for (let at = 0; at === 0 || at * PIECE_BYTES < size; at += 1) yield await this.#piece(id, at);
  }

  /** @returns whether there was anything @throws StoreUnavailableError */
  async delete(id: string): Promise<void> {
    await this.#link.patiently(() => this.#link.manager.streams.purge(BLOB_STREAM, { filter: `${prefixOf(id)}.>` }));
  }

  /**
   * The ids of what has been there for some time. NATS gives the time of a piece with all of its bytes alone.
   *
   * @param ageMs for so long @param besides ids of which nothing has to be known @throws StoreUnavailableError
   */
  async *olderThan(ageMs: number, besides: ReadonlySet<string> = new Set()): AsyncGenerator<string> {
    const { state } = await this.#link.patiently(() => this.#link.infoOf(BLOB_STREAM, "blob.*.0"));
    for (const subject of Object.keys(state.subjects ?? {})) {
      const id = subject.split(".")[1] ?? "";
      if (besides.has(id)) continue;
      const first = await this.#last(subject);
      if (first !== null && first.time.getTime() < Date.now() - ageMs) yield id;
    }
  }

  /** How many bytes the account may still store. @throws StoreUnavailableError */
  async freeBytes(): Promise<number> {
    const { limits, storage } = await this.#link.patiently(() => this.#link.manager.getAccountInfo());
    return limits.max_storage < 0 ? UNLIMITED : Math.max(0, limits.max_storage - storage);
  }

  async #put(subject: string, data: Uint8Array): Promise<void> {
    await this.#link.patiently(async () => {
      const answer = await this.#link.connection.request(subject, data, { timeout: REQUEST_MS });
      const ack = ackSchema.parse(answer.json());
      if ("error" in ack) throw new RefusedWriteError(ack.error);
    });
  }

  /** A piece never changes: any server may give it. One that has none may be behind the leader. */
  async #piece(id: string, at: number): Promise<Uint8Array> {
    const subject = subjectOf(id, at);
    const near = await this.#link.patiently(() =>
      this.#link.manager.direct.getMessage(BLOB_STREAM, { last_by_subj: subject }),
    );
    const found = near ?? (await this.#last(subject));
    if (found === null) throw new Error(`piece ${at} of the file's bytes is missing`);
    return found.data;
  }

  #last(subject: string) {
    return this.#link.patiently(() => this.#link.manager.streams.getMessage(BLOB_STREAM, { last_by_subj: subject }));
  }
}

function prefixOf(id: string): string {
  return `blob.${id}`;
}

function subjectOf(id: string, at: number): string {
  return `${prefixOf(id)}.${at}`;
}
