import { headers, type MsgHdrs, nuid } from "@nats-io/transport-node";
import { z } from "zod";
import { TreewireError } from "../../../util/index.js";
import { StoreUnavailableError } from "../trouble.js";
import { type NatsLink, REQUEST_MS, RefusedWriteError } from "./nats-link.js";
import { RECORD_STREAM } from "./streams.js";

/** So many records are asked for at once: a server gives no more than 1,024. */
const MANY = 500;
/** A record that is gone is remembered for so long, so that everybody hears of it. Seconds. */
const TOMBSTONE_SECONDS = 3_600;

/** What a message's head may be. Bytes. */
const HEAD_ROOM_BYTES = 512;

/** Somebody else has written meanwhile: the subject's last message is another one than was expected. */
const CONFLICTS = [10071, 10164];

const answerSchema = z.union([
  z.object({ error: z.object({ err_code: z.int(), description: z.string() }) }),
  z.object({ seq: z.int(), count: z.int().default(1) }),
]);

/** A record as it is kept. */
export interface StoredRecord {
  /** The number of the message; 0: there never was any. */
  revision: number;
  /** `null`: it is gone, or there never was any. */
  value: unknown;
}

/** One message of a batch. */
export type BatchMessage =
  | { kind: "write"; subject: string; value: unknown; expected: number | undefined; ttlSeconds?: number | undefined }
  /** Writes nothing of that subject, and has the batch refused when it was written since. */
  | { kind: "guard"; subject: string; expected: number };

/** The numbers that the messages of a batch were given. */
export interface Written {
  first: number;
  last: number;
}

/**
 * The stream of records. What is read was asked of the stream's leader, or is as new as that.
 *
 * Batches are put together here: `startBatch` of `@nats-io/jetstream` 3.3 leaves out what is expected of all messages but the first.
 */
export class RecordStream {
  readonly #link: NatsLink;

  constructor(link: NatsLink) {
    this.#link = link;
  }

  /** @throws StoreUnavailableError */
  async get(subject: string): Promise<StoredRecord> {
    return recordOf(await this.#link.patiently(() => this.#last(subject)));
  }

  /** The same, asked once alone. @throws StoreUnavailableError */
  async getOnce(subject: string): Promise<StoredRecord> {
    return recordOf(await this.#link.once(() => this.#last(subject)));
  }

  /** The subjects that have, or lately had, a record. @param filter with wildcards @throws StoreUnavailableError */
  async subjects(filter: string): Promise<string[]> {
    const { state } = await this.#link.patiently(() => this.#link.infoOf(RECORD_STREAM, filter));
    return Object.keys(state.subjects ?? {});
  }

  /** The number of the last message. @throws StoreUnavailableError */
  async lastSequence(): Promise<number> {
    return (await this.#link.patiently(() => this.#link.infoOf(RECORD_STREAM))).state.last_seq;
  }

  /** Those of the subjects that have a record, or had one. @throws StoreUnavailableError */
  async getMany(subjects: readonly string[]): Promise<Map<string, StoredRecord>> {
    const found = new Map<string, StoredRecord>();
    if (subjects.length === 0) return found;
    const notBefore = await this.lastSequence();
    for (let from = 0; from < subjects.length; from += MANY) {
      const part = subjects.slice(from, from + MANY);
      for (const [subject, record] of await this.#link.patiently(() => this.#some(part, notBefore))) {
        found.set(subject, record);
      }
    }
    return found;
  }

  /**
   * Writes a batch, all of it or nothing.
   *
   * @param messages at most 1,000, the first of them a write
   * @returns "conflict": something was not as expected, and nothing was written
   * @throws StoreUnavailableError when it is not known whether it was written, too; TreewireError `TW_RECORD_TOO_LARGE`
   */
  async commit(messages: readonly BatchMessage[]): Promise<Written | "conflict"> {
    const data = messages.map(dataOf);
    for (const [at, { subject }] of messages.entries()) this.#requireRoom(subject, Buffer.byteLength(data[at] ?? ""));
    const tried = new Set<string>();
    const written = async (): Promise<Written | undefined> => {
      const message = await this.#last(messages[0]?.subject ?? "");
      const isOurs = message !== null && tried.has(message.header.get("Nats-Batch-Id"));
      return isOurs ? { first: message.seq, last: message.seq + messages.length - 1 } : undefined;
    };
    return this.#link.patiently(async () => {
      if (tried.size > 0) {
        const before = await written();
        if (before !== undefined) return before;
      }
      const id = nuid.next();
      tried.add(id);
      const answer = answerSchema.parse((await this.#send(id, messages, data)).json());
      if ("seq" in answer) return { first: answer.seq - messages.length + 1, last: answer.seq };
      if (!CONFLICTS.includes(answer.error.err_code)) throw new RefusedWriteError(answer.error);
      if (tried.size === 1) return "conflict";
      const before = await written(); // a try that was not answered may have done it
      if (before !== undefined) return before;
      throw new StoreUnavailableError("failing", { cause: new Error("nobody knows whether it was written") });
    });
  }

  /** Asks the leader. */
  #last(subject: string) {
    return this.#link.manager.streams.getMessage(RECORD_STREAM, { last_by_subj: subject });
  }

  async #some(subjects: readonly string[], notBefore: number): Promise<Map<string, StoredRecord>> {
    const found = new Map<string, StoredRecord>();
    const request = JSON.stringify({ multi_last: subjects });
    const answers = await this.#link.connection.requestMany(`$JS.API.DIRECT.GET.${RECORD_STREAM}`, request, {
      strategy: "sentinel", // its end has no data: a record always has some
      maxWait: REQUEST_MS,
    });
    for await (const message of answers) {
      const head = message.headers;
      if (message.data.length > 0) {
        const subject = head?.get("Nats-Subject") ?? "";
        found.set(subject, { revision: Number(head?.get("Nats-Sequence")), value: message.json() });
      } else if (head?.code === 404) return found;
      else if (head?.code !== 204) throw new Error(head?.description ?? "an answer without a head");
      else if (Number(head.get("Nats-UpTo-Sequence")) < notBefore) throw new Error("it is behind its leader");
      else return found;
    }
    throw new Error("an answer without an end");
  }

  /** What the library says of it tells neither what was too large nor that asking again is of no use. */
  #requireRoom(subject: string, bytes: number): void {
    const most = this.#link.connection.info?.max_payload ?? Number.POSITIVE_INFINITY;
    if (bytes + HEAD_ROOM_BYTES <= most) return;
    const [, ...names] = subject.split(".");
    throw new TreewireError("TW_RECORD_TOO_LARGE", names.join(" "), {
      detail: `it is ${bytes} bytes, and max_payload is ${most}`,
    });
  }

  #send(id: string, messages: readonly BatchMessage[], data: readonly string[]) {
    const last = messages.length - 1;
    for (const [at, message] of messages.entries()) {
      const head = headers();
      head.set("Nats-Batch-Id", id);
      head.set("Nats-Batch-Sequence", String(at + 1));
      const subject = addressed(message, at, head);
      if (at < last) this.#link.connection.publish(subject, data[at], { headers: head });
      else {
        head.set("Nats-Batch-Commit", "1");
        return this.#link.connection.request(subject, data[at], { headers: head, timeout: REQUEST_MS });
      }
    }
    throw new Error("a batch has a message");
  }
}

function recordOf(message: { seq: number; json<T>(): T } | null): StoredRecord {
  return message === null ? { revision: 0, value: null } : { revision: message.seq, value: message.json() };
}

function dataOf(message: BatchMessage): string {
  return message.kind === "guard" ? "null" : JSON.stringify(message.value);
}

/** Puts into a message's head what is expected. @returns the subject to send it to */
function addressed(message: BatchMessage, at: number, head: MsgHdrs): string {
  if (message.expected !== undefined) head.set("Nats-Expected-Last-Subject-Sequence", String(message.expected));
  if (message.kind === "guard") {
    head.set("Nats-Expected-Last-Subject-Sequence-Subject", message.subject);
    return `rec.guard.${at}`;
  }
  const { subject, value, ttlSeconds = value === null ? TOMBSTONE_SECONDS : undefined } = message;
  if (ttlSeconds !== undefined) head.set("Nats-TTL", `${Math.max(1, Math.ceil(ttlSeconds))}s`);
  return subject;
}
