import type { z } from "zod";
import type { Clock } from "../../../util/index.js";
import { StoreUnavailableError } from "../trouble.js";
import type { BatchMessage, RecordStream, StoredRecord, Written } from "./record-stream.js";

/** Two who write the same try again after up to so many milliseconds, more with each time. */
const JITTER_MS = 10;
const MAX_JITTER_MS = 200;

/** Reads and writes of records that happen at one moment, or not at all. */
export class Transaction {
  readonly #stream: RecordStream;
  readonly #read = new Map<string, StoredRecord>();
  readonly #writes = new Map<string, { value: unknown; ttlSeconds?: number | undefined }>();

  constructor(stream: RecordStream) {
    this.#stream = stream;
  }

  /** A record, as it has to be still when the transaction is written. @returns `undefined`: there is none */
  async get<T>(subject: string, schema: z.ZodType<T>): Promise<T | undefined> {
    const { value } = this.#writes.get(subject) ?? (await this.#recordOf(subject));
    return value === null ? undefined : schema.parse(value);
  }

  /** Has many records at hand for {@link get}. */
  async load(subjects: readonly string[]): Promise<void> {
    for (const [subject, record] of await this.#stream.getMany(subjects.filter((each) => !this.#read.has(each)))) {
      this.#read.set(subject, record);
    }
  }

  /** A record that was read, and is not written, may be another one by then. */
  release(subject: string): void {
    if (!this.#writes.has(subject)) this.#read.delete(subject);
  }

  /** @param value what JSON takes @param ttlSeconds after which it goes by itself */
  put(subject: string, value: object, ttlSeconds?: number): void {
    this.#writes.set(subject, { value, ttlSeconds });
  }

  /** Puts what has an id that was never used. */
  create(subject: string, value: object, ttlSeconds?: number): void {
    this.#read.set(subject, { revision: 0, value: null });
    this.put(subject, value, ttlSeconds);
  }

  delete(subject: string): void {
    this.#writes.set(subject, { value: null });
  }

  /** What is to be written; none: nothing. */
  messages(): BatchMessage[] {
    if (this.#writes.size === 0) return [];
    const writes = [...this.#writes].map(([subject, write]): BatchMessage => {
      return { kind: "write", subject, ...write, expected: this.#read.get(subject)?.revision };
    });
    const guarded = [...this.#read].filter(([subject]) => !this.#writes.has(subject));
    const guards = guarded.map(([subject, { revision }]): BatchMessage => {
      return { kind: "guard", subject, expected: revision };
    });
    return [...writes, ...guards];
  }

  /** Whether there was a moment at which all was as it was read. */
  async isOfOneMoment(): Promise<boolean> {
    if (this.#read.size < 2) return true;
    const again = await this.#stream.getMany([...this.#read.keys()]);
    return [...this.#read].every(([subject, { revision }]) => (again.get(subject)?.revision ?? 0) === revision);
  }

  async #recordOf(subject: string): Promise<StoredRecord> {
    let record = this.#read.get(subject);
    if (record === undefined) {
      record = await this.#stream.get(subject);
      this.#read.set(subject, record);
    }
    return record;
  }
}

/** Writes records, and tells of each batch before it is acknowledged. */
export class RecordWriter {
  readonly #stream: RecordStream;
  readonly #clock: Clock;
  readonly #patienceMs: number;
  readonly #wrote: (written: Written, subjects: readonly string[]) => Promise<void>;

  /**
   * @param options `patienceMs`: for how long a write is tried that others are in the way of; `wrote`: told of each batch, and waited
   *   for
   */
  constructor(
    stream: RecordStream,
    options: {
      clock: Clock;
      patienceMs: number;
      wrote: (written: Written, subjects: readonly string[]) => Promise<void>;
    },
  ) {
    this.#stream = stream;
    this.#clock = options.clock;
    this.#patienceMs = options.patienceMs;
    this.#wrote = options.wrote;
  }

  /**
   * Does a job at one moment, or not at all.
   *
   * @param job called again when somebody else has written what it read
   * @returns what it returns @throws what it throws, StoreUnavailableError
   */
  async write<T>(job: (transaction: Transaction) => Promise<T>): Promise<T> {
    const end = this.#clock.monotonicMs() + this.#patienceMs;
    for (let round = 1; ; round += 1) {
      const done = await this.#try(job);
      if (done !== undefined) return done.result;
      if (this.#clock.monotonicMs() >= end) throw new StoreUnavailableError("locked");
      const jitterMs = Math.random() * Math.min(MAX_JITTER_MS, round * JITTER_MS);
      await new Promise<void>((resolve) => void this.#clock.after(jitterMs, resolve));
    }
  }

  /** @returns `undefined`: somebody else has written meanwhile */
  async #try<T>(job: (transaction: Transaction) => Promise<T>): Promise<{ result: T } | undefined> {
    const transaction = new Transaction(this.#stream);
    let result: T;
    try {
      result = await job(transaction);
    } catch (thrown) {
      if (thrown instanceof StoreUnavailableError || (await transaction.isOfOneMoment())) throw thrown;
      return undefined;
    }
    const messages = transaction.messages();
    if (messages.length === 0) return (await transaction.isOfOneMoment()) ? { result } : undefined;
    const written = await this.#stream.commit(messages);
    if (written === "conflict") return undefined;
    await this.#wrote(
      written,
      messages.flatMap((message) => (message.kind === "write" ? message.subject : [])),
    );
    return { result };
  }
}
