import type { Store, TransferItem } from "../store/index.js";
import { type ExportLine, formatLine, PIECE_BYTES } from "./format.js";
import { countRecord, noProgress, type Progress } from "./progress.js";

/**
 * Writes all that a store keeps for good, as lines. Relays may serve it meanwhile: what they change is in it, or not.
 *
 * @param write takes a line with its end; what it returns is waited for
 * @param progressed told after each line
 * @returns what was written @throws what the store or `write` throws
 */
export async function exportStore(
  store: Pick<Store, "transfer" | "files">,
  write: (line: string) => void | Promise<void>,
  progressed: (progress: Progress) => void = () => undefined,
): Promise<Progress> {
  const progress = noProgress();
  const put = async (line: ExportLine): Promise<void> => {
    await write(`${formatLine(line)}\n`);
    progressed(progress);
  };
  await put({ kind: "begin", exportedAt: new Date() });
  for await (const item of store.transfer.read()) {
    if (item.kind !== "file") {
      countRecord(progress, item.kind);
      await put({ kind: "record", record: item });
    } else if (await putFile(store, item, progress, put)) countRecord(progress, "file");
  }
  const { tokens, invites, chats, files } = progress;
  await put({ kind: "end", counts: { tokens, invites, chats, files } });
  return progress;
}

/** @returns `false`: it was deleted meanwhile */
async function putFile(
  store: Pick<Store, "files">,
  { file, bytes }: Extract<TransferItem, { kind: "file" }>,
  progress: Progress,
  put: (line: ExportLine) => Promise<void>,
): Promise<boolean> {
  await put({ kind: "file", file });
  try {
    for await (const chunk of bytes) {
      for (let from = 0; from < chunk.length; from += PIECE_BYTES) {
        const piece = chunk.subarray(from, from + PIECE_BYTES);
        progress.bytes += piece.length;
        await put({ kind: "bytes", bytes: piece });
      }
    }
    return true;
  } catch (thrown) {
    if ((await store.files.get(file.id)) !== undefined) throw thrown;
    await put({ kind: "bytes", bytes: undefined });
    return false;
  }
}
