import {
  MAX_UNIFIED_DIFF_BYTES,
  type PartialUpdate,
  type TreeFile,
  type TreeMessage,
} from "../../../protocol/index.js";
import { fileBytes, removedKeyBytes, sliceBytes } from "../../budgets/cost.js";
import { PartOrderError, TunnelLimitError } from "../../budgets/exceeded.js";

/**
 * What the parts of one update may add up to, in UTF-16 units (as many bytes at least): a diff of the greatest size,
 * whose paths stand there three times more (in keys, for people, and in removes).
 */
const MAX_UPDATE_UNITS = 4 * MAX_UNIFIED_DIFF_BYTES;

/** What all parts of an update say alike. */
type Version = Pick<TreeMessage, "epoch" | "seq" | "base">;

/** A file of which more may come: its texts in slices. */
interface CutFile {
  readonly file: TreeFile;
  readonly header: string[];
  readonly hunks: string[];
}

/** The parts of a tree message that have come so far: their files and keys, and nothing else of them. */
export class PendingUpdate {
  readonly #version: Version;
  /** The agent says which part is which, so that it can go on with the update on another connection. */
  readonly isNumbered: boolean;
  readonly #upserts: TreeFile[] = [];
  readonly #removes: string[] = [];
  /** The last of the files, once a part has brought more of it. */
  #cut: CutFile | undefined;
  #parts = 0;
  #units = 0;
  #bytes = 0;
  #lostAt: number | undefined;

  /** @param first the first part, which is not added yet */
  constructor({ epoch, seq, base, part }: Version & Pick<TreeMessage, "part">) {
    this.#version = { epoch, seq, base };
    this.isNumbered = part !== undefined;
  }

  /** How much has come, in UTF-16 units. */
  get units(): number {
    return this.#units;
  }

  /** What is held of it, in bytes by the estimate of budgets/cost.ts. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Which update it is, and how many parts of it have come. */
  get progress(): Omit<PartialUpdate, "root" | "compare"> {
    return { ...this.#version, parts: this.#parts };
  }

  /** The connection is lost. Another one may go on. */
  lose(): void {
    this.#lostAt ??= Date.now();
  }

  /** Another connection goes on. */
  resume(): void {
    this.#lostAt = undefined;
  }

  /** When the connection was lost over which the parts came: milliseconds since 1970; `undefined` while it lasts. */
  get lostAt(): number | undefined {
    return this.#lostAt;
  }

  /** What a part adds to {@link bytes}. */
  static bytesOf({ rest, upserts, removes }: TreeMessage): number {
    let bytes = rest === undefined ? 0 : sliceBytes(rest.header) + sliceBytes(rest.hunks);
    for (const file of upserts) bytes += fileBytes(file);
    for (const key of removes) bytes += removedKeyBytes(key);
    return bytes;
  }

  /**
   * Parts of one `(epoch, seq)` follow each other; any other one begins anew. So does one without a number among those with
   * numbers: its agent knows nothing of going on.
   */
  goesOnWith({ epoch, seq, base, part }: Version & Pick<TreeMessage, "part">): boolean {
    if (this.isNumbered && part === undefined) return false;
    return epoch === this.#version.epoch && seq === this.#version.seq && base === this.#version.base;
  }

  /**
   * @param bytes what it adds to {@link bytes}, when that is known
   * @returns the whole update when this was its last part
   * @throws TunnelLimitError when the parts are more than a diff can be
   * @throws PartOrderError when the part is not the next one, or goes on with a file that is not there
   */
  add(message: TreeMessage, bytes = PendingUpdate.bytesOf(message)): TreeMessage | undefined {
    const { rest, part = this.#parts, ...update } = message;
    if (part !== this.#parts) {
      throw new PartOrderError(
        `part ${part} of an update of ${message.root} in place of part ${this.#parts}`,
        "a part of an update is not the next one",
      );
    }
    this.#units += unitsOf(message);
    if (this.#units > MAX_UPDATE_UNITS) {
      throw new TunnelLimitError(`an update of ${message.root} is too large`, "the update is too large");
    }
    if (rest !== undefined) this.#goOn(rest, message.root);
    this.#parts += 1;
    this.#bytes += bytes;
    if (update.upserts.length > 0 || !update.more) this.#joinCut();
    for (const file of update.upserts) this.#upserts.push(file);
    for (const key of update.removes) this.#removes.push(key);
    return update.more ? undefined : { ...update, upserts: this.#upserts, removes: this.#removes };
  }

  /** Takes more of the last file. */
  #goOn({ header, hunks }: NonNullable<TreeMessage["rest"]>, root: string): void {
    const file = this.#upserts.at(-1);
    const isInHunks = this.#cut === undefined ? file?.hunks !== "" : this.#cut.hunks.length > 0;
    if (file === undefined || (header === "" && hunks === "") || (header !== "" && isInHunks)) {
      throw new PartOrderError(
        `a part of an update of ${root} goes on with nothing`,
        "a part of a file makes no sense",
      );
    }
    this.#cut ??= { file, header: [file.header], hunks: file.hunks === "" ? [] : [file.hunks] };
    if (header !== "") this.#cut.header.push(header);
    if (hunks !== "") this.#cut.hunks.push(hunks);
  }

  /** The last file is whole: its slices become one text, which is not left to be put together when it is read. */
  #joinCut(): void {
    if (this.#cut === undefined) return;
    const { file, header, hunks } = this.#cut;
    this.#upserts[this.#upserts.length - 1] = { ...file, header: header.join(""), hunks: hunks.join("") };
    this.#cut = undefined;
  }
}

function unitsOf({ rest, upserts, removes }: TreeMessage): number {
  let units = rest === undefined ? 0 : rest.header.length + rest.hunks.length;
  for (const { key, path, header, hunks } of upserts) units += key.length + path.length + header.length + hunks.length;
  for (const key of removes) units += key.length;
  return units;
}
