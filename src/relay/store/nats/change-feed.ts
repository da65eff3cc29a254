import type { Msg } from "@nats-io/transport-node";
import type { Clock } from "../../../util/index.js";
import type { Changes } from "../records.js";
import { StoreUnavailableError } from "../trouble.js";
import type { NatsLink } from "./nats-link.js";
import type { RecordStream, Written } from "./record-stream.js";
import { CHANGE_PREFIX } from "./streams.js";
import { idIn, recordFilters } from "./subjects.js";

/** How often it is asked whether the last change was heard, in milliseconds: so long a lost one stays unknown at most. */
const CHECK_MS = 30_000;
/** How long a change may be under way that the stream has already, in milliseconds. */
const UNDER_WAY_MS = 1_000;
export interface ChangeFeedOptions {
  clock: Clock;
  /** Told at once of a token whose record has changed, before anything is asked about it. */
  forget: (token: string | "all") => void;
  /** The same of a chat. */
  forgetChat?: (chat: string) => void;
  /** Told now and then that the stream answers. */
  answered?: () => void;
}

/** When it takes longer to learn which sessions hang on a token, any may. Milliseconds. */
const SESSIONS_MS = 500;

/**
 * Which tokens and chats have changed. NATS tells of each record that is written, under consecutive numbers: where one is
 * missing, everything may have changed.
 */
export class ChangeFeed {
  readonly #link: NatsLink;
  readonly #stream: RecordStream;
  readonly #clock: Clock;
  readonly #forget: ChangeFeedOptions["forget"];
  readonly #forgetChat: (chat: string) => void;
  readonly #answered: () => void;
  /** Numbers of messages that this store has written, and was not told of yet. */
  readonly #own = new Set<number>();
  readonly #ending = new Set<string>();
  #cancelCheck = () => {};
  #seen = 0;
  /** Nothing was heard yet that was written since the feed was opened: what was written before may still be under way. */
  #isNew = true;
  #version = 0;
  #pending: { tokens: Set<string>; chats: Set<string> } | "all" = { tokens: new Set(), chats: new Set() };

  static async open(link: NatsLink, stream: RecordStream, options: ChangeFeedOptions): Promise<ChangeFeed> {
    const feed = new ChangeFeed(link, stream, options);
    const heard: Msg[] = [];
    let take = (message: Msg): void => void heard.push(message);
    link.connection.subscribe(`${CHANGE_PREFIX}.>`, {
      callback: (error, message) => {
        if (error === null) take(message);
        else feed.#lost(); // the server does not allow it
      },
    });
    await link.connection.flush();
    feed.#seen = await stream.lastSequence();
    take = (message) => feed.#heard(message);
    for (const message of heard) if (sequenceOf(message) > feed.#seen) feed.#heard(message);
    link.onReconnected(() => feed.#lost());
    feed.#scheduleCheck();
    return feed;
  }

  private constructor(link: NatsLink, stream: RecordStream, options: ChangeFeedOptions) {
    const { clock, forget, forgetChat = () => undefined, answered = () => undefined } = options;
    this.#link = link;
    this.#stream = stream;
    this.#clock = clock;
    this.#forget = forget;
    this.#forgetChat = forgetChat;
    this.#answered = answered;
  }

  /** A number that moves with each change. @throws StoreUnavailableError when nothing has been heard for long */
  version(): number {
    if (this.#link.isAway) throw new StoreUnavailableError("failing");
    return this.#version;
  }

  /** What has changed since the last call, as far as it was heard. @throws StoreUnavailableError as {@link version} */
  take(): Changes | "all" {
    if (this.#link.isAway) throw new StoreUnavailableError("failing");
    const pending = this.#pending;
    this.#pending = { tokens: new Set(), chats: new Set() };
    return pending;
  }

  /** What this store has written counts at once: it is told of later. */
  async wrote({ first, last }: Written, subjects: readonly string[]): Promise<void> {
    for (let number = Math.max(first, this.#seen + 1); number <= last; number += 1) this.#own.add(number);
    await Promise.all(subjects.map((subject) => this.#changed(subject)));
  }

  /** Anything may have changed. */
  doubt(): void {
    this.#lost();
  }

  close(): void {
    this.#cancelCheck();
  }

  #heard(message: Msg): void {
    const number = sequenceOf(message);
    if (!Number.isSafeInteger(number) || number <= 0) return; // the stream did not tell it
    const isAgain = number <= this.#seen && !this.#own.has(number);
    if (number > this.#seen) this.#isNew = false;
    if (isAgain && !this.#isNew) {
      this.#seen = number; // the stream was made anew
      this.#lost();
    } else {
      if (number > this.#seen + 1) this.#lost();
      this.#seen = Math.max(this.#seen, number);
    }
    if (!this.#own.delete(number)) void this.#changed(message.subject);
  }

  /** @param subject of a record, or of a message that tells of it */
  async #changed(subject: string): Promise<void> {
    const [kind] = subject.split(".").slice(-2);
    const id = idIn(subject);
    if (kind === "chat") this.#forgetChat(id);
    if (kind === "chat") this.#add("chats", [id]);
    if (kind === "token") this.#forget(id);
    if (kind === "token" && !this.#ending.has(id)) this.#add("tokens", [id]);
    if (kind === "ended") await this.#ended(id);
  }

  /** A token was made worthless, and is named together with the sessions that hang on it. It is told of just before the token is. */
  async #ended(id: string): Promise<void> {
    this.#ending.add(id);
    let cancel = () => {};
    const isLate = new Promise<undefined>((resolve) => {
      cancel = this.#clock.after(SESSIONS_MS, () => resolve(undefined));
    });
    const sessions = await Promise.race([sessionsBelow(this.#stream, id).catch(() => undefined), isLate]);
    cancel();
    this.#ending.delete(id);
    if (sessions === undefined) this.#lost();
    else this.#add("tokens", sessions);
  }

  #add(what: keyof Changes, ids: readonly string[]): void {
    if (this.#pending !== "all") for (const id of ids) this.#pending[what].add(id);
    this.#version += 1;
  }

  #lost(): void {
    this.#forget("all");
    this.#own.clear();
    this.#pending = "all";
    this.#version += 1;
  }

  #scheduleCheck(): void {
    this.#cancelCheck = this.#clock.after(CHECK_MS, () => void this.#check());
  }

  async #check(): Promise<void> {
    try {
      const seen = this.#seen;
      const last = await this.#stream.lastSequence();
      this.#answered();
      await new Promise<void>((resolve) => void this.#clock.after(UNDER_WAY_MS, resolve));
      this.#isNew = false;
      if (last > this.#seen || last < seen) {
        this.#seen = last;
        this.#lost();
      }
    } catch {
      // it is asked again later, and what was lost by then is found then
    }
    if (!this.#link.connection.isClosed()) this.#scheduleCheck();
  }
}

/** A token and the sessions that were traded for it, for one of those, and so on. */
async function sessionsBelow(stream: RecordStream, token: string): Promise<string[]> {
  const found = new Set<string>([token]);
  for (const above of found) {
    for (const subject of await stream.subjects(recordFilters.sessionsOf(above))) found.add(idIn(subject));
  }
  return [...found];
}

function sequenceOf(message: Msg): number {
  return Number(message.headers?.get("Nats-Sequence"));
}
