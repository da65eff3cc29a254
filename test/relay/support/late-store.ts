import { SqliteStore, type Store, StoreUnavailableError } from "../../../src/relay/store/index.js";

type Method = (...args: never[]) => unknown;

/** A question whose answer waits. */
export interface HeldAnswer {
  /** Resolves when the store has been asked, and knows. */
  readonly asked: Promise<void>;
  /** Lets the answer go. */
  release(): void;
}

interface Hold {
  asked: () => void;
  released: Promise<void>;
}

/**
 * A store as one that is elsewhere: every answer comes a turn of the loop late, or when the test says so, or not at all. What the
 * hub has prepared is there at once.
 */
export class LateStore implements Store {
  readonly #inner: SqliteStore;
  readonly tokens: Store["tokens"];
  readonly invites: Store["invites"];
  readonly chats: Store["chats"];
  readonly files: Store["files"];
  readonly chatRoots: Store["chatRoots"];
  readonly treeStates: Store["treeStates"];
  /** The questions that are not answered, as `tokens.verify`; "all": none is. */
  down: string | "all" | undefined;
  /** How many questions were not answered. */
  unanswered = 0;
  readonly #holds = new Map<string, Hold>();

  constructor(dataDir: string) {
    this.#inner = new SqliteStore(dataDir);
    this.tokens = this.#late("tokens", this.#inner.tokens);
    this.invites = this.#late("invites", this.#inner.invites);
    this.chats = this.#late("chats", this.#inner.chats);
    this.files = this.#late("files", this.#inner.files);
    this.chatRoots = this.#inner.chatRoots;
    this.treeStates = this.#inner.treeStates;
  }

  /** Holds the answer to the next question of that name back; the store answers as of then. @param name as `tokens.verify` */
  hold(name: string): HeldAnswer {
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const asked = new Promise<void>((resolve) => this.#holds.set(name, { asked: resolve, released }));
    return { asked, release };
  }

  get transfer() {
    return this.#inner.transfer;
  }

  get health() {
    return this.#inner.health;
  }

  version(): number {
    if (this.down === "all") throw this.#unavailable();
    return this.#inner.version();
  }

  changes() {
    if (this.down === "all") throw this.#unavailable();
    return this.#inner.changes();
  }

  async check(): Promise<void> {
    if (this.down === "all") throw this.#unavailable();
    await this.#inner.check();
  }

  flush(isOver: () => boolean): Promise<void> {
    return this.#inner.flush(isOver);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  #late<T extends object>(part: string, inner: T): T {
    const answer = async (name: string, method: Method, args: never[]) => {
      if (this.down === name || this.down === "all") throw this.#unavailable();
      const answer = await method.apply(inner, args);
      const hold = this.#holds.get(name);
      this.#holds.delete(name);
      hold?.asked();
      await (hold?.released ?? new Promise((resolve) => setImmediate(resolve)));
      return answer;
    };
    return new Proxy(inner, {
      get: (target, name) => {
        const method: unknown = Reflect.get(target, name);
        if (typeof method !== "function") return method;
        return (...args: never[]) => answer(`${part}.${String(name)}`, method as Method, args);
      },
    });
  }

  #unavailable(): StoreUnavailableError {
    this.unanswered += 1;
    return new StoreUnavailableError("failing");
  }
}
