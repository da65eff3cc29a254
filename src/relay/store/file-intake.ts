import { createHash } from "node:crypto";
import { z } from "zod";
import { BlobTooLargeError } from "./records.js";

/** Bytes without an entry are deleted when they are older than this, so that no upload under way is hit. Milliseconds. */
export const ORPHAN_AGE_MS = 60 * 60 * 1_000;

/** How many first bytes sniffing is given. */
const HEAD_BYTES = 1_024;

/** A file's entry as stores keep it. */
export const fileEntrySchema = z.object({
  id: z.string(),
  organization: z.string(),
  owner: z.string(),
  name: z.string(),
  type: z.string(),
  size: z.int(),
  digest: z.string(),
});

/**
 * Writes a stream's bytes, one chunk after the other. Holds on to no chunk once it has asked for the next one.
 *
 * @param limit bytes
 * @param write resolves when the next chunk may come
 * @returns SHA-256 of all bytes in hexadecimal digits, how many there are, and the first of them
 * @throws BlobTooLargeError, or what the stream or `write` throws
 */
export async function takeIn(
  source: AsyncIterable<Uint8Array>,
  limit: number,
  write: (chunk: Uint8Array) => Promise<void>,
): Promise<{ digest: string; size: number; head: Buffer }> {
  const hash = createHash("sha256");
  const head: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of source) {
    if (size < HEAD_BYTES) head.push(Buffer.from(chunk.subarray(0, HEAD_BYTES - size))); // a copy
    size += chunk.length;
    if (size > limit) throw new BlobTooLargeError();
    hash.update(chunk);
    await write(chunk);
  }
  return { digest: hash.digest("hex"), size, head: Buffer.concat(head) };
}
