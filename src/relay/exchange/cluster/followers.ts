import { TunnelLimitError } from "../../budgets/exceeded.js";
import type { Channel, Workspace } from "../../hub/index.js";
import type { ToHomeOf, Watched } from "../bus/messages.js";

/** A relay of which nothing was heard for so long does not follow any more. Milliseconds. */
const FORGET_MS = 30_000;

interface Held {
  /** As the relay has said it, for comparison. */
  readonly said: string;
  readonly channel: Channel;
}

/** A relay that follows: what it watches, and what it has asked. */
interface Follower {
  /** The number of its last `follow`. */
  id: number;
  heardAtMs: number;
  /** By chat and comparison. */
  held: Map<string, Held>;
  /** Refreshes that are under way. */
  readonly refreshing: Set<number>;
}

/** The relays that follow a workspace of which this relay is the home. What they watch is watched here. */
export class Followers {
  readonly #workspace: Workspace;
  readonly #followers = new Map<string, Follower>();

  constructor(workspace: Workspace) {
    this.#workspace = workspace;
  }

  get size(): number {
    return this.#followers.size;
  }

  /**
   * Watches what a relay watches, and no longer what it does not.
   *
   * @param nowMs of the monotonic clock, here and below
   * @returns whether this is the last that it has said; another one that was repeated, or is late, changes nothing
   */
  follow({ relay, id, watches }: ToHomeOf<"follow">, nowMs: number): boolean {
    const known = this.#followers.get(relay);
    if (known !== undefined && known.id >= id) return false;
    const before = known?.held ?? new Map<string, Held>();
    const held = new Map<string, Held>();
    for (const watched of watches) {
      const key = keyOf(watched);
      const said = JSON.stringify(watched);
      const same = before.get(key);
      if (same?.said === said) held.set(key, same);
      else this.#hold(key, watched, held);
    }
    this.#followers.set(relay, { id, heardAtMs: nowMs, held, refreshing: known?.refreshing ?? new Set() });
    const kept = new Set(held.values());
    for (const each of before.values()) if (!kept.has(each)) this.#workspace.release(each.channel);
    return true;
  }

  #hold(key: string, watched: Watched, held: Map<string, Held>): void {
    const { chat, paths, ...how } = watched;
    try {
      held.set(key, { said: JSON.stringify(watched), channel: this.#workspace.hold(chat, paths, how) });
    } catch (thrown) {
      if (!(thrown instanceof TunnelLimitError)) throw thrown; // else there is no room for one more
    }
  }

  /** The channels that a relay watches. */
  *channels(relay: string): Iterable<Channel> {
    for (const { channel } of this.#followers.get(relay)?.held.values() ?? []) yield channel;
  }

  /** Whether this is what the relay has said last: then it was heard. */
  hears(relay: string, id: number, nowMs: number): boolean {
    const known = this.#followers.get(relay);
    if (known?.id !== id) return false;
    known.heardAtMs = nowMs;
    return true;
  }

  /**
   * Waits for a barrier that a relay has asked for, unless it waits already.
   *
   * @param passed called if the relay follows by then, with when the agent read the chat's trees: milliseconds since 1970
   */
  refresh({ relay, id, follow, ...asked }: ToHomeOf<"refresh">, passed: (scannedAtMs: number) => void): void {
    const follower = this.#followers.get(relay);
    const channel = follower?.held.get(keyOf(asked))?.channel;
    // it was said before what it watches was heard: it asks again
    if (follower === undefined || follower.id !== follow || channel === undefined) return;
    const { refreshing } = follower;
    if (refreshing.has(id)) return;
    refreshing.add(id);
    channel.barrier().then(
      () => {
        if (refreshing.delete(id)) passed(channel.checkedAt);
      },
      () => refreshing.delete(id), // the agent is lost, and so are its followers
    );
  }

  leave(relay: string, id: number): void {
    const known = this.#followers.get(relay);
    if (known !== undefined && known.id <= id) this.#drop(relay, known);
  }

  /** Drops those that were not heard for long. */
  expire(nowMs: number): void {
    for (const [relay, follower] of this.#followers) {
      if (nowMs - follower.heardAtMs >= FORGET_MS) this.#drop(relay, follower);
    }
  }

  clear(): void {
    for (const [relay, follower] of this.#followers) this.#drop(relay, follower);
  }

  #drop(relay: string, { held, refreshing }: Follower): void {
    this.#followers.delete(relay);
    refreshing.clear();
    for (const { channel } of held.values()) this.#workspace.release(channel);
  }
}

function keyOf({ chat, compare = "" }: { chat: string; compare?: string }): string {
  return `${chat} ${compare}`;
}
