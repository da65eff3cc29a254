import { headers } from "@nats-io/transport-node";
import { z } from "zod";
import { type NatsLink, REQUEST_MS, RefusedWriteError } from "./nats-link.js";

/** How much is asked for at once. */
const PAGE_MESSAGES = 256;
const PAGE_BYTES = 4 * 1024 * 1024;

/** Somebody else has written meanwhile. */
const CONFLICT = 10071;
/** What is gone is remembered for so long, so that nobody who was late writes it again. */
const GONE_TTL = "3600s";
/** Stands for what is gone: a message without data would be the end of an answer. */
const GONE = new Uint8Array([0x2d]);

const ackSchema = z.union([
  z.object({ error: z.object({ err_code: z.int(), description: z.string() }) }),
  z.object({ seq: z.int() }),
]);

/** The last message of a subject. */
export interface KeptMessage {
  subject: string;
  /** The number of the message; 0: there is none. */
  revision: number;
  /** `undefined`: it is gone, or never was. */
  data: Uint8Array | undefined;
}

/** A stream that keeps the last message of each subject, each of which is written by itself. */
export class KeyedStream {
  readonly #link: NatsLink;
  readonly #name: string;

  constructor(link: NatsLink, name: string) {
    this.#link = link;
    this.#name = name;
  }

  /** Asks the stream's leader. @throws StoreUnavailableError */
  async last(subject: string): Promise<KeptMessage> {
    const message = await this.#link.patiently(() =>
      this.#link.manager.streams.getMessage(this.#name, { last_by_subj: subject }),
    );
    return message === null ? { subject, revision: 0, data: undefined } : kept(subject, message.seq, message.data);
  }

  /**
   * Writes, if nobody else has done so.
   *
   * @param data `undefined`: it is gone
   * @param expected the number of the message that is there; 0: there is none
   * @returns the number of the new one; "conflict": another one is there, which may be of a try that was not answered
   * @throws StoreUnavailableError
   */
  put(subject: string, data: Uint8Array | undefined, expected: number): Promise<number | "conflict"> {
    return this.#link.patiently(async () => {
      const head = headers();
      head.set("Nats-Expected-Last-Subject-Sequence", String(expected));
      if (data === undefined) head.set("Nats-TTL", GONE_TTL);
      const options = { headers: head, timeout: REQUEST_MS };
      const answer = ackSchema.parse((await this.#link.connection.request(subject, data ?? GONE, options)).json());
      if ("seq" in answer) return answer.seq;
      if (answer.error.err_code === CONFLICT) return "conflict";
      throw new RefusedWriteError(answer.error);
    });
  }

  /**
   * The last message of each subject, those that were written first first. A server may give them that is a little behind the
   * stream's leader.
   *
   * @param filter with wildcards @throws StoreUnavailableError
   */
  async *all(filter: string): AsyncGenerator<KeptMessage> {
    for (let from = 1; ; ) {
      const page = await this.#link.patiently(() => this.#page(filter, from));
      yield* page;
      const last = page.at(-1);
      if (last === undefined) return;
      from = last.revision + 1;
    }
  }

  async #page(filter: string, from: number): Promise<KeptMessage[]> {
    const request = JSON.stringify({ seq: from, next_by_subj: filter, batch: PAGE_MESSAGES, max_bytes: PAGE_BYTES });
    const answers = await this.#link.connection.requestMany(`$JS.API.DIRECT.GET.${this.#name}`, request, {
      strategy: "sentinel",
      maxWait: REQUEST_MS,
    });
    const page: KeptMessage[] = [];
    for await (const { headers: head, data } of answers) {
      if (data.length > 0) page.push(kept(head?.get("Nats-Subject") ?? "", Number(head?.get("Nats-Sequence")), data));
      else if (head?.code === 204 || head?.code === 404) return page;
      else throw new Error(head?.description ?? "an answer without a head");
    }
    throw new Error("an answer without an end");
  }
}

function kept(subject: string, revision: number, data: Uint8Array): KeptMessage {
  return { subject, revision, data: data.length === GONE.length && data[0] === GONE[0] ? undefined : data };
}
