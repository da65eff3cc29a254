import { LRUCache } from "lru-cache";
import { z } from "zod";
import type { Soon } from "../../soon.js";
import type { Caller, NewToken, TokenEntry } from "../records.js";
import { type OnBehalf, PreconditionError, type Tokens } from "../store.js";
import {
  callerOf,
  countingOf,
  entryOf,
  isTextOf,
  newTokenRecord,
  type TokenRecord,
  tokenIdIn,
} from "../token-record.js";
import type { RecordStream } from "./record-stream.js";
import { recordFilters, recordSubjects } from "./subjects.js";
import type { RecordWriter, Transaction } from "./transaction.js";

/** A token that counted is believed to count for so long, or until it is told that it has changed. Milliseconds. */
const BELIEVED_MS = 60_000;
const MAX_BELIEVED = 50_000;

/** So long stays the message that has everybody look for the sessions of a token that was revoked: long after it was heard. */
const ENDED_SECONDS = 3_600;

interface StoredToken extends TokenRecord {
  /** Of those that were made in the same millisecond, the greater one is the later one. */
  order: number;
}

const tokenSchema = z
  .object({
    id: z.string(),
    kind: z.enum(["agent", "client"]),
    hash: z.base64(),
    workspace: z.string().optional(),
    user: z.string().optional(),
    admin: z.boolean(),
    createdAt: z.number(),
    order: z.number(),
    expiresAt: z.number().optional(),
    revokedAt: z.number().optional(),
    parent: z.string().optional(),
    isSession: z.boolean(),
    chat: z.string().optional(),
  })
  .transform(
    ({ hash, ...rest }): StoredToken => ({
      ...{ workspace: undefined, user: undefined, expiresAt: undefined, revokedAt: undefined },
      ...{ parent: undefined, chat: undefined },
      ...rest,
      hash: new Uint8Array(Buffer.from(hash, "base64")),
    }),
  );
/** `until`: an invite to fetch a token of it expires, milliseconds since 1970; without it there is a token. */
const knownSchema = z.object({ until: z.number().optional() });

/** {@link Tokens} as records that all relays share. */
export class NatsTokens implements Tokens {
  readonly #stream: RecordStream;
  readonly #writer: RecordWriter;
  /** Those that counted when they were asked for, and those above them. */
  readonly #believed = new LRUCache<string, TokenRecord>({ max: MAX_BELIEVED, ttl: BELIEVED_MS });
  /** Which tokens have changed since each question that is not answered: what is heard of them may be what they were. */
  readonly #changed = new Set<Set<string>>();

  constructor(stream: RecordStream, writer: RecordWriter) {
    this.#stream = stream;
    this.#writer = writer;
  }

  /** Believes nothing any more of a token that has changed. */
  forget(token: string | "all"): void {
    for (const changed of this.#changed) changed.add(token);
    if (token === "all") this.#believed.clear();
    else this.#believed.delete(token);
  }

  create(token: NewToken, { by }: OnBehalf = {}): Promise<string> {
    return this.#writer.write(async (transaction) => {
      await requireLive(transaction, by);
      return createIn(transaction, token);
    });
  }

  async verify(text: string): Promise<Caller | undefined> {
    const id = tokenIdIn(text);
    const believed = this.#believed.get(id);
    if (isTextOf(text, believed) && this.#believedLive(id) === true) return callerOf(believed);
    const changed = new Set<string>();
    this.#changed.add(changed);
    try {
      const above = new Map<string, TokenRecord>();
      const record = id === "" ? undefined : await this.#ask(id, above);
      if (!isTextOf(text, record)) return undefined;
      if (!(await counts(record, (parent) => this.#ask(parent, above)))) return undefined;
      if (!changed.has("all")) {
        for (const [each, kept] of above) if (!changed.has(each)) this.#believed.set(each, kept);
      }
      return callerOf(record);
    } finally {
      this.#changed.delete(changed);
    }
  }

  isLive(tokenId: string): Soon<boolean> {
    return this.#believedLive(tokenId) ?? this.#isLive(tokenId);
  }

  async list(): Promise<TokenEntry[]> {
    const found = await this.#stream.getMany(await this.#stream.subjects(recordFilters.tokens));
    const tokens = [...found.values()].map(({ value }) => tokenSchema.parse(value));
    return tokens.sort((a, b) => a.createdAt - b.createdAt || a.order - b.order).map(entryOf);
  }

  revoke(tokenId: string, { by }: OnBehalf = {}): Promise<TokenEntry | undefined> {
    return this.#writer.write(async (transaction) => {
      await requireLive(transaction, by);
      const token = await tokenIn(transaction, tokenId);
      return token === undefined ? undefined : entryOf(revokeIn(transaction, token));
    });
  }

  async endSession(text: string): Promise<boolean> {
    const caller = await this.verify(text);
    if (caller === undefined) return false;
    return this.#writer.write(async (transaction) => {
      const token = await tokenIn(transaction, caller.tokenId);
      if (token === undefined || !token.isSession || token.revokedAt !== undefined) return false;
      revokeIn(transaction, token);
      return true;
    });
  }

  async knowsWorkspace(workspace: string): Promise<boolean> {
    const { value } = await this.#stream.get(recordSubjects.known(workspace));
    const until = value === null ? 0 : knownSchema.parse(value).until;
    return until === undefined || until > Date.now();
  }

  /** By what is believed alone. @returns `undefined`: somebody has to be asked */
  #believedLive(tokenId: string): boolean | undefined {
    const record = this.#believed.get(tokenId);
    if (record === undefined) return undefined;
    const counting = countingOf(record);
    let step = counting.next();
    while (!step.done) {
      const above = this.#believed.get(step.value);
      if (above === undefined) return undefined;
      step = counting.next(above);
    }
    return step.value;
  }

  async #isLive(tokenId: string): Promise<boolean> {
    return counts(await this.#ask(tokenId), (parent) => this.#ask(parent));
  }

  async #ask(id: string, asked?: Map<string, TokenRecord>): Promise<TokenRecord | undefined> {
    const { value } = await this.#stream.get(recordSubjects.token(id));
    if (value === null) return undefined;
    const record = tokenSchema.parse(value);
    asked?.set(id, record);
    return record;
  }
}

/** Makes a token with what else is written. @returns its text */
export async function createIn(transaction: Transaction, token: NewToken): Promise<string> {
  const { record, text } = newTokenRecord(token);
  const stored = jsonOf({ ...record, order: performance.timeOrigin + performance.now() });
  transaction.create(recordSubjects.token(record.id), stored);
  if (record.parent !== undefined) transaction.put(recordSubjects.session(record.parent, record.id), {});
  if (token.kind === "agent") await knowIn(transaction, token.workspace);
  return text;
}

/** Has a workspace known. @param until milliseconds since 1970; left out: for ever */
export async function knowIn(transaction: Transaction, workspace: string, until?: number): Promise<void> {
  const subject = recordSubjects.known(workspace);
  const known = await transaction.get(subject, knownSchema);
  const isLonger = known?.until !== undefined && (until === undefined || until > known.until);
  if (known === undefined || isLonger) transaction.put(subject, { until });
}

/** @param by the id of the token that has to count when this is written @throws PreconditionError */
export async function requireLive(transaction: Transaction, by: string | undefined): Promise<void> {
  if (by === undefined) return;
  const isLive = await counts(await tokenIn(transaction, by), (parent) => tokenIn(transaction, parent));
  if (!isLive) throw new PreconditionError("token-ended");
}

async function counts(
  record: TokenRecord | undefined,
  ask: (id: string) => Promise<TokenRecord | undefined>,
): Promise<boolean> {
  const counting = countingOf(record);
  let step = counting.next();
  while (!step.done) step = counting.next(await ask(step.value));
  return step.value;
}

function tokenIn(transaction: Transaction, id: string): Promise<StoredToken | undefined> {
  return transaction.get(recordSubjects.token(id), tokenSchema);
}

function revokeIn(transaction: Transaction, token: StoredToken): StoredToken {
  if (token.revokedAt !== undefined) return token;
  const revoked = { ...token, revokedAt: Date.now() };
  transaction.put(recordSubjects.ended(token.id), {}, ENDED_SECONDS); // before it: whoever hears of the token knows why
  transaction.put(recordSubjects.token(token.id), jsonOf(revoked));
  return revoked;
}

function jsonOf(token: StoredToken): object {
  return { ...token, hash: Buffer.from(token.hash).toString("base64") };
}
