import { type Snapshot, WatchEndedError, watchTrees } from "../client/index.js";
import type { ComparisonWord } from "./model/comparing.js";

/** What is told of the streams of a chat. */
export interface StreamEvents {
  /** A stream has brought a newer state. */
  onState(word: ComparisonWord): void;
  /** There is no connection, or the relay has complained. @param why in words */
  onError(word: ComparisonWord, why: string): void;
  /** Coming back is useless. @param why in words */
  onEnd(word: ComparisonWord, why: string): void;
}

/** One chat's trees, each comparison by a stream of its own, of which the newest states are kept. */
export class Streams {
  readonly #relay: URL;
  readonly #chat: string;
  readonly #events: StreamEvents;
  readonly #running = new Map<ComparisonWord, { stop: AbortController; newest: Snapshot | undefined }>();

  /** @param relay its root */
  constructor(relay: URL, chat: string, events: StreamEvents) {
    this.#relay = relay;
    this.#chat = chat;
    this.#events = events;
  }

  newest(word: ComparisonWord): Snapshot | undefined {
    return this.#running.get(word)?.newest;
  }

  /** Follows these comparisons, and no others. */
  follow(words: readonly ComparisonWord[]): void {
    for (const [word, { stop }] of this.#running) {
      if (words.includes(word)) continue;
      stop.abort();
      this.#running.delete(word);
    }
    for (const word of words) if (!this.#running.has(word)) void this.#watch(word);
  }

  /** Ends all of them. */
  stop(): void {
    this.follow([]);
  }

  async #watch(word: ComparisonWord): Promise<void> {
    const stream = { stop: new AbortController(), newest: undefined as Snapshot | undefined };
    this.#running.set(word, stream);
    const { signal } = stream.stop;
    const watching = {
      url: this.#relay.href,
      chat: this.#chat,
      stale: true,
      ...(word !== "head" && { compare: word }),
      signal,
      onError: (why: string) => this.#events.onError(word, why),
    };
    try {
      for await (const snapshot of watchTrees(watching)) {
        if (signal.aborted) return;
        stream.newest = snapshot;
        this.#events.onState(word);
      }
    } catch (thrown) {
      if (!(thrown instanceof WatchEndedError)) throw thrown;
      if (!signal.aborted) this.#events.onEnd(word, thrown.message);
    }
  }
}
