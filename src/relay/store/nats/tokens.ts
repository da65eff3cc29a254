import { z } from "zod";
import type { Clock } from "../../../util/index.js";
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
import { orderNow } from "./order.js";
import { type OutageGrace, Remembered } from "./outage-grace.js";
import type { RecordStream } from "./record-stream.js";
import { recordFilters, recordSubjects } from "./subjects.js";
import type { RecordWriter, Transaction } from "./transaction.js";

/** A token that counted is believed to count for so long, or until it is told that it has changed. Milliseconds. */
const BELIEVED_MS = 60_000;
/** So long stays the message that has everybody look for the sessions of a token that was revoked: long after it was heard. */
const ENDED_SECONDS = 3_600;

/** So long is a session kept that has expired. */
const EXPIRED_SECONDS = 86_400;

interface StoredToken extends TokenRecord {
  /** Of those that were made in the same millisecond, the greater one is the later one. */
  order: number;
}

/** A token as it is kept. */
export const tokenSchema = z
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
  readonly #clock: Clock;
  /** Those that counted when they were asked for, and those above them. */
  readonly #believed: Remembered<TokenRecord>;
  /** Of workspaces that are known for ever. */
  readonly #known: Remembered<true>;
  /** Monotonic milliseconds: what was heard before then may have changed. */
  #doubtedAt = Number.NEGATIVE_INFINITY;
  /** Which tokens have changed since each question that is not answered: what is heard of them may be what they were. */
  readonly #changed = new Set<Set<string>>();

  constructor(stream: RecordStream, writer: RecordWriter, grace: OutageGrace) {
    this.#stream = stream;
    this.#writer = writer;
    this.#clock = grace.options.clock;
    this.#believed = new Remembered(grace, stream);
    this.#known = new Remembered(grace, stream);
  }

  /** Asks again about a token that has changed, and believes nothing of it meanwhile. "all": any may have changed. */
  forget(token: string | "all"): void {
    for (const changed of this.#changed) changed.add(token);
    if (token === "all") this.#doubtedAt = this.#clock.monotonicMs();
    else this.#believed.forget(token);
  }

  create(token: NewToken, { by }: OnBehalf = {}): Promise<string> {
    return this.#writer.write(async (transaction) => {
      await requireLive(transaction, by);
      return createIn(transaction, token);
    });
  }

  async verify(text: string): Promise<Caller | undefined> {
    const id = tokenIdIn(text);
    const believed = this.#fresh(id);
    if (isTextOf(text, believed) && this.#believedLive(id) === true) return callerOf(believed);
    const changed = new Set<string>();
    this.#changed.add(changed);
    try {
      const above = new Map<string, TokenRecord>();
      const record = id === "" ? undefined : await this.#ask(id, above);
      if (!isTextOf(text, record)) return undefined;
      if (!(await counts(record, (parent) => this.#ask(parent, above)))) return undefined;
      if (!changed.has("all")) {
        for (const [each, kept] of above) if (!changed.has(each)) this.#believed.hear(each, kept);
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
    const answer = await this.#known.ask(workspace, recordSubjects.known(workspace));
    if ("remembered" in answer) return true;
    const known = knownSchema.nullable().parse(answer.asked);
    if (known === null) return false;
    if (known.until === undefined) this.#known.hear(workspace, true);
    return known.until === undefined || known.until > Date.now();
  }

  /** By what is believed alone. @returns `undefined`: somebody has to be asked */
  #believedLive(tokenId: string): boolean | undefined {
    const record = this.#fresh(tokenId);
    if (record === undefined) return undefined;
    const counting = countingOf(record);
    let step = counting.next();
    while (!step.done) {
      const above = this.#fresh(step.value);
      if (above === undefined) return undefined;
      step = counting.next(above);
    }
    return step.value;
  }

  async #isLive(tokenId: string): Promise<boolean> {
    return counts(await this.#ask(tokenId), (parent) => this.#ask(parent));
  }

  /** What was heard of it so lately that nobody has to be asked. */
  #fresh(id: string): TokenRecord | undefined {
    const heard = this.#believed.last(id);
    if (heard === undefined || heard.heardAt <= this.#doubtedAt) return undefined;
    return this.#clock.monotonicMs() - heard.heardAt < BELIEVED_MS ? heard.value : undefined;
  }

  /** @param asked is given what was heard, and not what was remembered */
  async #ask(id: string, asked?: Map<string, TokenRecord>): Promise<TokenRecord | undefined> {
    const answer = await this.#believed.ask(id, recordSubjects.token(id));
    if ("remembered" in answer) return answer.remembered;
    if (answer.asked === null) return undefined;
    const record = tokenSchema.parse(answer.asked);
    asked?.set(id, record);
    return record;
  }
}

/** Makes a token with what else is written. @returns its text */
export async function createIn(transaction: Transaction, token: NewToken): Promise<string> {
  const { record, text } = newTokenRecord(token);
  await putNew(transaction, record);
  return text;
}

/** Enters a token as it is, unless one of its id is there. */
export async function enterToken(transaction: Transaction, record: TokenRecord): Promise<void> {
  if ((await tokenIn(transaction, record.id)) === undefined) await putNew(transaction, record);
}

async function putNew(transaction: Transaction, record: TokenRecord): Promise<void> {
  const ttl = ttlSecondsOf(record);
  transaction.create(recordSubjects.token(record.id), jsonOf({ ...record, order: orderNow() }), ttl);
  if (record.parent !== undefined) transaction.put(recordSubjects.session(record.parent, record.id), {}, ttl);
  if (record.kind === "agent") await knowIn(transaction, record.workspace ?? "");
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
  transaction.put(recordSubjects.token(token.id), jsonOf(revoked), ttlSecondsOf(token));
  return revoked;
}

/** A session is made at each visit: those that have expired are not to fill the store. Other tokens stay, for who lists them. */
function ttlSecondsOf({ isSession, expiresAt }: TokenRecord): number | undefined {
  if (!isSession || expiresAt === undefined) return undefined;
  return (expiresAt - Date.now()) / 1_000 + EXPIRED_SECONDS;
}

function jsonOf(token: StoredToken): object {
  return { ...token, hash: Buffer.from(token.hash).toString("base64") };
}
