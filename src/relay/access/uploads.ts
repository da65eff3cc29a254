import { MAX_FILE_BYTES, quotaExceeded, REFUSALS, RefusedError } from "../answers.js";
import type { ClientRate } from "../budgets/client-rates.js";
import type { LimitOptions } from "../limit-options.js";
import { type FileScope, LEAST_FILE_BYTES } from "../store/index.js";
import { KeyedCount } from "./keyed-count.js";

export type UploadLimits = Pick<
  LimitOptions,
  "ownerFileBytes" | "organizationFileBytes" | "uploadsPerToken" | "uploads" | "minFreeBytes"
>;

/** What is known of the files that there are, and of who sends them. Bytes, as budgets count them. */
export interface FileUsage {
  usedBy(scope: FileScope, name: string): Promise<number>;
  /** Bytes that the file system has left for the store. */
  freeBytes(): Promise<number>;
  /** How fast a token may send. */
  rateOf(tokenId: string): Pick<ClientRate, "bytes">;
}

/** Who uploads what. */
export interface UploadRequest {
  tokenId: string;
  owner: string;
  organization: string;
  /** The body's length in bytes as its header says; `undefined`: it comes in chunks. */
  declared: number | undefined;
}

/** One upload under way: what it may still need is held for it. */
export interface Upload {
  /**
   * More bytes have come.
   *
   * @returns for how long to read no more, in milliseconds
   * @throws RefusedError 413 when a budget is used up
   */
  grow(bytes: number): Promise<number>;
  /** It is over; from here on the store counts its bytes. May be called again. */
  end(): void;
}

/** Counts uploads under way, and holds what each may need, so that no two are given the same bytes. */
export class Uploads {
  readonly #limits: UploadLimits;
  readonly #usage: FileUsage;
  readonly #byToken = new KeyedCount();
  readonly #reserved = new Map<string, number>();
  /** The last question about each budget that is asked about: between its answer and what is held by that, nobody else is answered. */
  readonly #turns = new Map<string, Promise<void>>();
  #underWay = 0;
  /** What uploads under way may still write. */
  #unwritten = 0;

  constructor(limits: UploadLimits, usage: FileUsage) {
    this.#limits = limits;
    this.#usage = usage;
  }

  /** How many are under way. */
  get underWay(): number {
    return this.#underWay;
  }

  /**
   * A body begins to come in.
   *
   * @param tokenId whose it is
   * @returns what to call when it is over, at most once
   * @throws RefusedError 429 over the token's limit, 503 over everybody's
   */
  enter(tokenId: string): () => void {
    if (this.#byToken.count(tokenId) >= this.#limits.uploadsPerToken) throw new RefusedError(REFUSALS.tooManyUploads);
    if (this.#underWay >= this.#limits.uploads) throw new RefusedError(REFUSALS.uploadsBusy);
    const leave = this.#byToken.enter(tokenId);
    this.#underWay += 1;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      leave();
      this.#underWay -= 1;
    };
  }

  /** A file begins to come in. @throws RefusedError as {@link enter}, 413 over a budget, 507 when the disk is full */
  async begin({ tokenId, owner, organization, declared }: UploadRequest): Promise<Upload> {
    const leave = this.enter(tokenId);
    const budgets = [
      this.#budget("owner", owner, this.#limits.ownerFileBytes),
      this.#budget("organization", organization, this.#limits.organizationFileBytes),
    ];
    const rate = this.#usage.rateOf(tokenId);
    let unwritten = declared ?? MAX_FILE_BYTES;
    this.#unwritten += unwritten;
    let size = 0;
    let isOver = false;
    const upload = {
      grow: async (bytes: number) => {
        const written = Math.min(bytes, unwritten);
        unwritten -= written;
        this.#unwritten -= written;
        size += bytes;
        for (const budget of budgets) await budget.hold(size);
        return rate.bytes(bytes);
      },
      end: () => {
        if (isOver) return;
        isOver = true;
        this.#unwritten -= unwritten;
        for (const budget of budgets) budget.release();
        leave();
      },
    };
    try {
      for (const budget of budgets) await budget.hold(declared ?? 0);
      const left = (await this.#usage.freeBytes()) - this.#unwritten;
      if (left < this.#limits.minFreeBytes) throw new RefusedError(REFUSALS.insufficientStorage);
      return upload;
    } catch (thrown) {
      upload.end();
      throw thrown;
    }
  }

  /** What one upload holds of one budget. */
  #budget(scope: FileScope, name: string, limit: number) {
    const key = `${scope} ${name}`;
    let held = 0;
    const set = (bytes: number) => {
      const sum = (this.#reserved.get(key) ?? 0) + bytes - held;
      held = bytes;
      if (sum > 0) this.#reserved.set(key, sum);
      else this.#reserved.delete(key);
    };
    let isOver = false;
    return {
      hold: async (size: number) => {
        const needed = Math.max(size, LEAST_FILE_BYTES);
        if (needed <= held) return;
        await this.#inTurn(key, async () => {
          // before the question: a file that is entered meanwhile counts twice rather than not at all
          const reserved = (this.#reserved.get(key) ?? 0) - held;
          const used = (await this.#usage.usedBy(scope, name)) + reserved;
          if (used + needed > limit) throw new RefusedError(quotaExceeded({ scope, used, needed, limit }));
          if (!isOver) set(needed);
        });
      },
      release: () => {
        isOver = true;
        set(0);
      },
    };
  }

  async #inTurn(key: string, job: () => Promise<void>): Promise<void> {
    const done = (this.#turns.get(key) ?? Promise.resolve()).then(job);
    const over = () => {
      if (this.#turns.get(key) === settled) this.#turns.delete(key);
    };
    const settled = done.then(over, over);
    this.#turns.set(key, settled);
    await done;
  }
}
