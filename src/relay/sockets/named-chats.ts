import type { Failures } from "../failures.js";
import type { Caller, Store } from "../store/index.js";

/** What of an agent's token counts here. */
type AgentToken = Pick<Extract<Caller, { kind: "agent" }>, "workspace" | "autoBind">;

/** What an agent names beyond these before they are through is left out: it names them again. */
const MAX_WAITING = 1_000;

/** Makes the chats that an agent names, one after the other: each waits for the disk, and others write as well. */
export class NamedChats {
  readonly #store: Pick<Store, "chats" | "durable">;
  readonly #failures: Pick<Failures, "note">;
  readonly #token: AgentToken;
  readonly #waiting = new Set<string>();
  #isBusy = false;

  constructor(store: Pick<Store, "chats" | "durable">, failures: Pick<Failures, "note">, token: AgentToken) {
    this.#store = store;
    this.#failures = failures;
    this.#token = token;
  }

  /** Whether the token makes chats at all. */
  get isWanted(): boolean {
    return this.#token.autoBind !== undefined;
  }

  /** @param chat an id in lower case */
  name(chat: string): void {
    if (!this.isWanted || this.#waiting.size >= MAX_WAITING) return;
    this.#waiting.add(chat);
    if (!this.#isBusy) void this.#work();
  }

  async #work(): Promise<void> {
    const { workspace, autoBind: owner = "" } = this.#token;
    this.#isBusy = true;
    for (const chat of this.#waiting) {
      this.#waiting.delete(chat);
      if (this.#store.chats.get(chat) !== undefined) continue;
      try {
        await this.#store.durable(() => this.#store.chats.bindNamed({ chat, workspace, owner }));
      } catch (thrown) {
        this.#failures.note(thrown, "a chat that an agent names was not made");
      }
    }
    this.#isBusy = false;
  }
}
