import { DELTA_HEARTBEAT_MS, MAX_UNIFIED_DIFF_BYTES } from "../../../protocol/index.js";
import { answersJson } from "../encoding/answers.js";
import { TextFrame } from "../encoding/text-frame.js";
import type { TreeState } from "../trees/tree-state.js";
import type { WatchedChat } from "../watched-chat.js";
import type { TreeDelta } from "./tree-delta.js";
import type { FrameRequest, NextFrame, WatchStream } from "./watch-stream.js";

/** A large message of which the client has a part. */
interface FragmentedMessage {
  fragments: ReturnType<TreeDelta["fragments"]>;
  state: TreeState;
  /** When the state was scanned: milliseconds since 1970. */
  scannedAt: number;
}

/**
 * What old states that are kept for a client may cost, in bytes by the estimate of budgets/cost.ts: about one of the greatest
 * size. One that it has a part of is kept in any case.
 */
const MAX_OLD_BYTES = 2 * MAX_UNIFIED_DIFF_BYTES;

/** `treewire.delta.v1`: the list of trees, the files that changed in each, and `checked` when nothing is missing. */
export class DeltaStream implements WatchStream {
  readonly heartbeatMs = DELTA_HEARTBEAT_MS;
  /** The list of trees that the client has: the chat's own object, which all of its clients share. */
  #sentRoots: ReadonlySet<string> | undefined;
  /** The state of each tree that the client has. */
  readonly #sentStates = new Map<string, TreeState>();
  /** States kept although there are newer ones, so that a client which has not read yet can be sent what differs. */
  readonly #oldStates = new Set<TreeState>();
  #oldBytes = 0;
  #message: FragmentedMessage | undefined;
  /** Something was sent since the last `checked`, or nothing at all yet. */
  #checkedIsDue = true;

  get isMidMessage(): boolean {
    return this.#message !== undefined;
  }

  next(chat: WatchedChat, { evenIfUnchanged, scannedAt, isStale, answers }: FrameRequest): NextFrame | undefined {
    if (this.#message !== undefined) return this.#nextFragment(this.#message);
    if (!chat.knowsRoots) return undefined;
    const { roots } = chat;
    const isSameList = this.#sentRoots !== undefined && sameList(this.#sentRoots, roots);
    this.#sentRoots = roots;
    if (!isSameList) {
      for (const root of this.#sentStates.keys()) if (!roots.has(root)) this.forget(root);
      return this.#uncheckedFrame(chat.frames.trees(roots));
    }
    for (const state of chat.states()) {
      const sent = this.#sentStates.get(state.root);
      if (sent === state) continue;
      const delta = chat.frames.delta(sent, state);
      this.forget(state.root);
      this.#sentStates.set(state.root, state);
      const at = scannedAt([state.root]);
      if (delta.whole !== undefined) return this.#uncheckedFrame(delta.whole, at);
      return this.#nextFragment({ fragments: delta.fragments(), state, scannedAt: at });
    }
    if (!evenIfUnchanged && !this.#checkedIsDue) return undefined;
    this.#checkedIsDue = false;
    const at = new Date(scannedAt([])).toISOString();
    const data = TextFrame.of(
      `{"type":"checked","scanned_at":"${at}"${isStale ? ',"stale":true' : ""},"next_ms":${this.heartbeatMs}${answersJson(answers)}}`,
    );
    return { frame: { kind: "delta", data, scannedAt: undefined, isLast: true }, isUpToDate: true };
  }

  forget(root: string): void {
    const state = this.#sentStates.get(root);
    this.#sentStates.delete(root);
    if (state !== undefined && state !== this.#message?.state) this.#dropOld(state);
  }

  /**
   * What differs costs hundreds of bytes, and the old state to find it by costs the state: beyond a limit, it goes. One of
   * which the client has a part stays, and then the others go.
   */
  stateReplaced(state: TreeState): boolean {
    const isMidMessage = this.#message?.state === state;
    if (!isMidMessage && this.#sentStates.get(state.root) !== state) return false;
    if (this.#oldStates.has(state)) return false;
    this.#oldStates.add(state);
    this.#oldBytes += state.cost;
    if (this.#oldBytes <= MAX_OLD_BYTES) return false;
    const leaving = isMidMessage ? [...this.#oldStates] : [state];
    for (const old of leaving) if (old !== this.#message?.state) this.forget(old.root);
    return false;
  }

  #dropOld(state: TreeState): void {
    if (this.#oldStates.delete(state)) this.#oldBytes -= state.cost;
  }

  #nextFragment(message: FragmentedMessage): NextFrame {
    const { value } = message.fragments.next();
    if (value === undefined) throw new Error("a message has a last fragment");
    const { data, isLast } = value;
    this.#message = isLast ? undefined : message;
    if (isLast && this.#sentStates.get(message.state.root) !== message.state) this.#dropOld(message.state);
    return this.#uncheckedFrame(data, isLast ? message.scannedAt : undefined, isLast);
  }

  /** A frame behind which a `checked` has to follow. */
  #uncheckedFrame(data: TextFrame, scannedAt?: number, isLast = true): NextFrame {
    this.#checkedIsDue = true;
    return { frame: { kind: "delta", data, scannedAt, isLast }, isUpToDate: false };
  }
}

function sameList(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  if (a === b) return true;
  if (a.size !== b.size) return false;
  const others = b.values();
  for (const each of a) if (others.next().value !== each) return false;
  return true;
}
