import { MAX_UNIFIED_DIFF_BYTES } from "../../../protocol/index.js";
import type { Channel } from "../channel.js";
import { TextFrame } from "../encoding/text-frame.js";
import type { TreeState } from "../trees/tree-state.js";
import type { FrameCache } from "./frame-cache.js";
import type { TreeDelta } from "./tree-delta.js";
import type { FrameRequest, NextFrame, WatchStream } from "./watch-stream.js";

/** A large message of which the client has a part. */
interface MessageUnderWay {
  fragments: ReturnType<TreeDelta["fragments"]>;
  state: TreeState;
  /** When the state was scanned: milliseconds since 1970. */
  scannedAt: number;
}

/**
 * What old states that are kept for a client may add up to, in UTF-16 units: one that it has a part of always fits.
 */
const MAX_OLD_UNITS = MAX_UNIFIED_DIFF_BYTES;

/** `treewire.delta.v1`: the list of trees, the files that changed in each, and a word when all is told. */
export class DeltaStream implements WatchStream {
  #roots = "";
  readonly #told = new Map<string, TreeState>();
  /** States kept although there are newer ones, so that a client which has not read yet can be told what differs. */
  readonly #old = new Set<TreeState>();
  #oldUnits = 0;
  #message: MessageUnderWay | undefined;
  /** Something was told since the last word that all is told, or nothing at all yet. */
  #checkedIsDue = true;

  get isMidMessage(): boolean {
    return this.#message !== undefined;
  }

  next(channel: Channel, frames: FrameCache, { mustSpeak, scannedAt, isStale }: FrameRequest): NextFrame | undefined {
    if (this.#message !== undefined) return this.#goOn(this.#message);
    if (!channel.knowsRoots) return undefined;
    const roots = JSON.stringify([...channel.roots]);
    if (roots !== this.#roots) {
      this.#roots = roots;
      for (const root of this.#told.keys()) if (!channel.roots.has(root)) this.#forget(root);
      return this.#say(TextFrame.of(`{"type":"trees","roots":${roots}}`));
    }
    for (const state of channel.states()) {
      const told = this.#told.get(state.root);
      if (told === state) continue;
      const delta = frames.delta(told, state);
      this.#forget(state.root);
      this.#told.set(state.root, state);
      const at = scannedAt([state.root]);
      if (delta.whole !== undefined) return this.#say(delta.whole, at);
      return this.#goOn({ fragments: delta.fragments(), state, scannedAt: at });
    }
    if (!mustSpeak && !this.#checkedIsDue) return undefined;
    this.#checkedIsDue = false;
    const at = new Date(scannedAt([])).toISOString();
    const data = TextFrame.of(`{"type":"checked","scanned_at":"${at}"${isStale ? ',"stale":true' : ""}}`);
    return { frame: { kind: "delta", data, scannedAt: undefined, isLast: true }, isUpToDate: true };
  }

  forget(root: string): void {
    this.#forget(root);
  }

  /**
   * What differs costs hundreds of bytes, and the old state to tell it by costs the state: beyond a limit, it goes. One of
   * which the client has a part stays, and then the others go.
   */
  stateReplaced(state: TreeState): void {
    const isUnderWay = this.#message?.state === state;
    if (!isUnderWay && this.#told.get(state.root) !== state) return;
    if (this.#old.has(state)) return;
    this.#old.add(state);
    this.#oldUnits += state.size;
    if (this.#oldUnits <= MAX_OLD_UNITS) return;
    const leaving = isUnderWay ? [...this.#old] : [state];
    for (const old of leaving) if (old !== this.#message?.state) this.#forget(old.root);
  }

  #forget(root: string): void {
    const state = this.#told.get(root);
    this.#told.delete(root);
    if (state !== undefined && state !== this.#message?.state) this.#drop(state);
  }

  #drop(state: TreeState): void {
    if (this.#old.delete(state)) this.#oldUnits -= state.size;
  }

  #goOn(message: MessageUnderWay): NextFrame {
    const { value } = message.fragments.next();
    if (value === undefined) throw new Error("a message has a last fragment");
    const { data, isLast } = value;
    this.#message = isLast ? undefined : message;
    if (isLast && this.#told.get(message.state.root) !== message.state) this.#drop(message.state);
    return this.#say(data, isLast ? message.scannedAt : undefined, isLast);
  }

  #say(data: TextFrame, scannedAt?: number, isLast = true): NextFrame {
    this.#checkedIsDue = true;
    return { frame: { kind: "delta", data, scannedAt, isLast }, isUpToDate: false };
  }
}
