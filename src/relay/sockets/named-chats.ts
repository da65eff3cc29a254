import type { Failures } from "../failures.js";
import { type Caller, PreconditionError, type Store } from "../store/index.js";

/** What of an agent's token counts here. */
type AgentToken = Pick<Extract<Caller, { kind: "agent" }>, "tokenId" | "workspace" | "autoBind">;

/** What an agent names beyond these before they are through is left out: it names them again. */
const MAX_WAITING = 1_000;

/** Makes the chats that an agent names, one after the other: each waits for the disk, and others write as well. */
export class NamedChats {
  readonly #store: Pick<Store, "chats">;
  readonly #failures: Pick<Failures, "note">;
  readonly #token: AgentToken;
  readonly #changed: () => void;
  readonly #waiting = new Set<string>();
  #isBusy = false;

  /** @param changed called when a chat was made */
  constructor(
    store: Pick<Store, "chats">,
    failures: Pick<Failures, "note">,
    token: AgentToken,
    changed: () => void = () => undefined,
  ) {
    this.#changed = changed;
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
    const { tokenId: by, workspace, autoBind: owner = "" } = this.#token;
    this.#isBusy = true;
    for (const chat of this.#waiting) {
      this.#waiting.delete(chat);
      try {
        // most are there: to find that in a write would have it wait for the disk
        if ((await this.#store.chats.get(chat)) !== undefined) continue;
        if (await this.#store.chats.bindNamed({ chat, workspace, owner }, { by })) this.#changed();
      } catch (thrown) {
        if (thrown instanceof PreconditionError) continue; // its tunnel is about to be closed
        this.#failures.note(thrown, "a chat that an agent names was not made");
      }
    }
    this.#isBusy = false;
  }
}
