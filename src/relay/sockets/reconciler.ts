import { coalesce } from "../../util/index.js";
import type { Failures } from "../failures.js";
import type { Changes, Store } from "../store/index.js";
import type { LiveSockets } from "./live-sockets.js";

/** What could not be looked at is tried again after so many milliseconds. */
const RETRY_MS = 1_000;

export interface ReconcilerOptions {
  store: Pick<Store, "version" | "changes">;
  live: LiveSockets;
  failures: Failures;
  /** Set: an upstream says who may watch, and this lets go of what it said. */
  forgetUpstream: (() => void) | undefined;
  /** Told which chats have changed, when that becomes known. */
  chatsChanged: (ids: ReadonlySet<string> | "all") => void;
}

/** Has live sockets follow what is changed in the store, by the relay itself and by commands beside it. */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #tokenJob: () => Promise<void>;
  readonly #chats: () => Promise<void>;
  readonly #all: () => Promise<void>;
  #version: number;
  /** What has changed and was not looked at yet. */
  #tokens: Set<string> | "all" = new Set();
  #dueChats: Set<string> | "all" = new Set();
  /** Milliseconds since 1970: after a failure, not before then. */
  #retryAt = 0;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#version = options.store.version();
    this.#tokenJob = coalesce(async () => {
      const due = this.#tokens;
      this.#tokens = new Set();
      try {
        await options.live.reconcileTokens(due);
      } catch (thrown) {
        this.#tokens = both(this.#tokens, due);
        this.#failed(thrown);
      }
    });
    this.#chats = coalesce(async () => {
      const due = this.#dueChats;
      this.#dueChats = new Set();
      try {
        await options.live.reconcileChats(due);
      } catch (thrown) {
        this.#dueChats = "all";
        this.#failed(thrown);
      }
    });
    this.#all = coalesce(() => options.live.reconcileChats("all"));
  }

  /** To be called now and then: looks whether another process has written, and at what has failed before. Never throws. */
  poll(): void {
    if (Date.now() < this.#retryAt) return;
    try {
      const version = this.#options.store.version();
      const isOwed = isAny(this.#tokens) || isAny(this.#dueChats);
      if (version === this.#version && !isOwed) return;
      this.#look();
      this.#version = version;
    } catch (thrown) {
      this.#failed(thrown);
    }
  }

  /** The relay itself has changed something. Never throws. */
  changed(): void {
    try {
      this.#look();
    } catch (thrown) {
      this.#failed(thrown);
    }
    if (this.#options.forgetUpstream !== undefined) this.recheckUpstream();
  }

  /** Asks the upstream again about everybody: what changes there is told to nobody here. Never throws. */
  recheckUpstream(): void {
    this.#options.forgetUpstream?.();
    this.#all().catch((thrown: unknown) => this.#failed(thrown));
  }

  #look(): void {
    this.#take(this.#options.store.changes());
    this.#options.forgetUpstream?.();
    // at once: a slow answer about a chat keeps no revoked token alive
    if (isAny(this.#tokens)) void this.#tokenJob();
    if (isAny(this.#dueChats)) void this.#chats();
  }

  #take(changes: Changes | "all"): void {
    this.#options.chatsChanged(changes === "all" ? changes : changes.chats);
    this.#tokens = both(this.#tokens, changes === "all" ? changes : changes.tokens);
    this.#dueChats = both(this.#dueChats, changes === "all" ? changes : changes.chats);
  }

  #failed(thrown: unknown): void {
    this.#retryAt = Date.now() + RETRY_MS;
    this.#options.failures.note(thrown, "looking again at sockets failed");
  }
}

function both(some: Set<string> | "all", more: ReadonlySet<string> | "all"): Set<string> | "all" {
  if (some === "all" || more === "all") return "all";
  for (const id of more) some.add(id);
  return some;
}

function isAny(ids: ReadonlySet<string> | "all"): boolean {
  return ids === "all" || ids.size > 0;
}
