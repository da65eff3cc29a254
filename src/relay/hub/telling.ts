import { MAX_UNIFIED_DIFF_BYTES } from "../../protocol/index.js";
import { ChangesMessage } from "./changes-message.js";
import type { Channel } from "./channel.js";
import type { FrameCache } from "./frames.js";
import { WHOLE_UNITS } from "./repository-entry.js";
import { TextFrame } from "./text-frame.js";
import type { TreeState } from "./tree.js";
import type { TreeView, ViewMark } from "./tree-view.js";
import type { Frame } from "./viewer.js";

/** The next frame for a client. */
export interface Told {
  frame: Frame;
  /** After it, the client knows everything that is known: it answers a refresh, and counts as a sign of life. */
  isUpToDate: boolean;
}

/** When a frame goes out, and what about. */
export interface Occasion {
  /** Something must be said even if nothing differs. */
  mustSpeak: boolean;
  /** `scanned_at` of a frame that carries these roots (none: that speaks for every tree): milliseconds since 1970. */
  scannedAt: (told: readonly string[]) => number;
  /** The client takes old states for want of newer ones, and these are. */
  isStale: boolean;
}

/** What one client was told, in the words of its sub-protocol, and so what it lacks. */
export interface Telling {
  /** @returns `undefined` when there is nothing to say */
  next(channel: Channel, frames: FrameCache, occasion: Occasion): Told | undefined;
  /** The client asks for the whole state of a tree. */
  forget(root: string): void;
  /** A state that the client may have been told is no longer the newest, and the client has not taken its last frame. */
  superseded(state: TreeState): void;
  /** The client has a part of a message, and nothing else may be said to it before the rest. */
  readonly isAmidMessage: boolean;
}

/** The wire contract's words: whole diffs of the repositories that differ. */
export class ChangesTelling implements Telling {
  readonly #told = new Map<string, ViewMark>();
  /** The channel's list of roots when those that are gone were last told. */
  #roots: ReadonlySet<string> | undefined;
  /** The message of which the client has a part. */
  #message: ChangesMessage | undefined;

  get isAmidMessage(): boolean {
    return this.#message !== undefined;
  }

  next(channel: Channel, frames: FrameCache, occasion: Occasion): Told | undefined {
    if (this.#message !== undefined) return this.#goOn(this.#message, frames, occasion);
    const { mustSpeak, scannedAt, isStale } = occasion;
    const views: TreeView[] = [];
    for (const view of channel.views()) if (this.#lacks(view)) views.push(view);
    const isFirst = this.#roots === undefined;
    const { roots } = channel;
    const removed = isFirst ? channel.tombstones() : this.#roots === roots ? [] : this.#gone(channel);
    const isAlone = !isFirst && views.length === 0 && removed.length === 0;
    if (isAlone && !mustSpeak) return undefined;
    this.#roots = roots;
    for (const root of removed) this.#told.delete(root);
    const told = views.map(({ root }) => root);
    if (views.reduce((units, { entry }) => units + entry.units, 0) > WHOLE_UNITS) {
      const message = new ChangesMessage(told, removed, (root) => this.#take(channel, root));
      return this.#goOn(message, frames, occasion);
    }
    for (const view of views) this.#told.set(view.root, view.mark);
    const at = scannedAt(told);
    const data = frames.changes(at, isAlone ? undefined : views, removed, isStale);
    const frame = { kind: "changes", data, scannedAt: views.length > 0 ? at : undefined, isLast: true } as const;
    return { frame, isUpToDate: true };
  }

  forget(root: string): void {
    this.#told.delete(root);
  }

  superseded(): void {
    // what was told is remembered by its digest
  }

  #goOn(message: ChangesMessage, frames: FrameCache, { scannedAt, isStale }: Occasion): Told {
    let at: number | undefined;
    const { data, isLast } = message.next(frames, () => {
      at = scannedAt(message.told);
      return `,"scanned_at":"${new Date(at).toISOString()}"${isStale ? ',"stale":true' : ""}}`;
    });
    this.#message = isLast ? undefined : message;
    return { frame: { kind: "changes", data, scannedAt: at, isLast }, isUpToDate: isLast };
  }

  /** The tree as it is now, if the client still lacks it; from here on, it has been told. */
  #take(channel: Channel, root: string): TreeView | undefined {
    const view = channel.roots.has(root) ? channel.workspace.state(root)?.view : undefined;
    if (view === undefined || !this.#lacks(view)) return undefined;
    this.#told.set(root, view.mark);
    return view;
  }

  #lacks(view: TreeView): boolean {
    const told = this.#told.get(view.root);
    if (told === undefined || !view.looksLike(told)) return true;
    if (told !== view.mark) this.#told.set(view.root, view.mark);
    return false;
  }

  #gone(channel: Channel): string[] {
    return [...this.#told.keys()].filter((root) => channel.hasNoMore(root));
  }
}

/** `treewire.delta.v1`: the list of trees, the files that changed in each, and a word when all is told. */
export class DeltaTelling implements Telling {
  #roots = "";
  readonly #told = new Map<string, TreeState>();
  /** Old states that are kept so that a client which has not read yet can be told what differs: UTF-16 units. */
  #oldUnits = 0;
  readonly isAmidMessage = false;
  /** Something was told since the last word that all is told, or nothing at all yet. */
  #owesWord = true;

  next(channel: Channel, frames: FrameCache, { mustSpeak, scannedAt, isStale }: Occasion): Told | undefined {
    if (!channel.knowsRoots) return undefined;
    const roots = JSON.stringify([...channel.roots]);
    if (roots !== this.#roots) {
      this.#roots = roots;
      for (const root of this.#told.keys()) if (!channel.roots.has(root)) this.#told.delete(root);
      return this.#say(TextFrame.of(`{"type":"trees","roots":${roots}}`));
    }
    for (const state of channel.states()) {
      const told = this.#told.get(state.root);
      if (told === state) continue;
      this.#told.set(state.root, state);
      return this.#say(frames.delta(told, state), scannedAt([state.root]));
    }
    if (!mustSpeak && !this.#owesWord) return undefined;
    this.#owesWord = false;
    this.#oldUnits = 0;
    const at = new Date(scannedAt([])).toISOString();
    const data = TextFrame.of(`{"type":"checked","scanned_at":"${at}"${isStale ? ',"stale":true' : ""}}`);
    return { frame: { kind: "delta", data, scannedAt: undefined, isLast: true }, isUpToDate: true };
  }

  forget(root: string): void {
    this.#told.delete(root);
  }

  /** What differs costs hundreds of bytes, and the old state to tell it by costs the state: beyond a limit, it goes. */
  superseded(state: TreeState): void {
    if (this.#told.get(state.root) !== state) return;
    if (this.#oldUnits + state.size > MAX_UNIFIED_DIFF_BYTES) this.#told.delete(state.root);
    else this.#oldUnits += state.size;
  }

  #say(data: TextFrame, scannedAt?: number): Told {
    this.#owesWord = true;
    return { frame: { kind: "delta", data, scannedAt, isLast: true }, isUpToDate: false };
  }
}
