import { TreewireError } from "../../util/index.js";
import type { FileEntry, Store, TransferRecord } from "../store/index.js";
import { type ExportLine, parseLine } from "./format.js";
import { LineTooLongError, linesOf } from "./lines.js";
import { countRecord, noProgress, type Progress } from "./progress.js";

/** So many records are written at once. */
const AT_ONCE = 100;
/** Their lines are no more than so many characters together: each of them may be 8 MiB. */
const MAX_WAITING_UNITS = 8 * 1024 * 1024;

/** A file was deleted while it was exported. */
class FileGoneError extends Error {}

export interface ImportOptions {
  /** What the export is called in errors. */
  name: string;
  /** Into a store that has something, too: what is there stays as it is. */
  force?: boolean;
  /** Told after each record, and each piece of a file. */
  progressed?: (progress: Progress) => void;
}

/**
 * Reads an export into a store. What was read before an error stays; with `force`, another try goes on from there.
 *
 * @param source the bytes of what `relay export` wrote @returns what was read
 * @throws TreewireError `TW_STORE_NOT_EMPTY`; `TW_BAD_EXPORT` with the line; what the store (`TW_RECORD_TOO_LARGE`) or the source throws
 */
export async function importStore(
  store: Pick<Store, "transfer">,
  source: AsyncIterable<Uint8Array>,
  options: ImportOptions,
): Promise<Progress> {
  const { name, force = false } = options;
  if (!force && !(await store.transfer.isEmpty())) throw new TreewireError("TW_STORE_NOT_EMPTY", name);
  return new Import(store, linesOf(source), options).run();
}

class Import {
  readonly #store: Pick<Store, "transfer">;
  readonly #lines: AsyncGenerator<string>;
  readonly #options: ImportOptions;
  readonly #progress = noProgress();
  #number = 0;
  /** The length of the line that was read last, in characters. */
  #units = 0;
  #waiting: TransferRecord[] = [];
  /** Of their lines. */
  #waitingUnits = 0;

  constructor(store: Pick<Store, "transfer">, lines: AsyncGenerator<string>, options: ImportOptions) {
    this.#store = store;
    this.#lines = lines;
    this.#options = options;
  }

  async run(): Promise<Progress> {
    const first = await this.#next();
    if (first?.kind !== "begin") throw this.#bad("it does not begin as one");
    for (;;) {
      const line = await this.#next();
      if (line?.kind === "record") await this.#take(line.record);
      else if (line?.kind === "file") await this.#file(line.file);
      else if (line?.kind === "end") {
        await this.#write();
        await this.#end(line.counts);
        return this.#progress;
      } else throw this.#bad("it makes no sense there");
    }
  }

  async #take(record: TransferRecord): Promise<void> {
    if (this.#waitingUnits + this.#units > MAX_WAITING_UNITS) await this.#write();
    this.#waiting.push(record);
    this.#waitingUnits += this.#units;
    countRecord(this.#progress, record.kind);
    if (this.#waiting.length >= AT_ONCE) await this.#write();
    this.#progressed();
  }

  async #write(): Promise<void> {
    const records = this.#waiting;
    this.#waiting = [];
    this.#waitingUnits = 0;
    if (records.length > 0) await this.#store.transfer.write(records);
  }

  async #file(file: FileEntry): Promise<void> {
    await this.#write();
    try {
      const isWhole = await this.#store.transfer.writeFile(file, this.#bytesOf(file));
      if (!isWhole) throw this.#bad(`the bytes of file ${file.id} are others`);
      countRecord(this.#progress, "file");
    } catch (thrown) {
      if (!(thrown instanceof FileGoneError)) throw thrown;
    }
    this.#progressed();
  }

  async *#bytesOf({ size }: FileEntry): AsyncGenerator<Uint8Array> {
    for (let left = size; left > 0; ) {
      const line = await this.#next();
      if (line?.kind !== "bytes") throw this.#bad("a file's bytes are missing");
      if (line.bytes === undefined) throw new FileGoneError();
      left -= line.bytes.length;
      this.#progress.bytes += line.bytes.length;
      this.#progressed();
      yield line.bytes;
    }
  }

  async #end({ tokens, invites, chats, files }: Extract<ExportLine, { kind: "end" }>["counts"]): Promise<void> {
    await this.#store.transfer.finish();
    const read = this.#progress;
    const isWhole = read.tokens === tokens && read.invites === invites && read.chats === chats && read.files === files;
    if (!isWhole || (await this.#lines.next()).done !== true) throw this.#bad("some of it is missing");
  }

  /** @returns `undefined`: there are no more @throws TreewireError `TW_BAD_EXPORT` */
  async #next(): Promise<ExportLine | undefined> {
    this.#number += 1;
    try {
      const { value, done } = await this.#lines.next();
      if (done) return undefined;
      this.#units = value.length;
      const line = parseLine(value);
      if (line === undefined) throw this.#bad("it is no line of an export");
      return line;
    } catch (thrown) {
      throw thrown instanceof LineTooLongError ? this.#bad("it is longer than a line may be") : thrown;
    }
  }

  #bad(why: string): TreewireError {
    return new TreewireError("TW_BAD_EXPORT", this.#options.name, { detail: `line ${this.#number}: ${why}` });
  }

  #progressed(): void {
    this.#options.progressed?.(this.#progress);
  }
}
