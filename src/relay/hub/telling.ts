import type { Channel } from "./channel.js";
import type { FrameCache } from "./frames.js";
import { TextFrame } from "./text-frame.js";
import type { TreeState, TreeView } from "./tree.js";
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
  /** `scanned_at` of a frame that carries these views (none: that speaks for every tree): milliseconds since 1970. */
  scannedAt: (views: readonly TreeView[]) => number;
  /** The client takes old states for want of newer ones, and these are. */
  isStale: boolean;
}

/** What one client was told, in the words of its sub-protocol, and so what it lacks. */
export interface Telling {
  /** @returns `undefined` when there is nothing to say */
  next(channel: Channel, frames: FrameCache, occasion: Occasion): Told | undefined;
  /** The client asks for the whole state of a tree. */
  forget(root: string): void;
}

/** The wire contract's words: whole diffs of the repositories that differ. */
export class ChangesTelling implements Telling {
  readonly #told = new Map<string, TreeView>();
  /** The channel's list of roots when those that are gone were last told. */
  #roots: ReadonlySet<string> | undefined;

  next(channel: Channel, frames: FrameCache, { mustSpeak, scannedAt, isStale }: Occasion): Told | undefined {
    const views: TreeView[] = [];
    for (const view of channel.views()) if (this.#lacks(view)) views.push(view);
    const isFirst = this.#roots === undefined;
    const { roots } = channel;
    const removed = isFirst ? channel.tombstones() : this.#roots === roots ? [] : this.#gone(channel);
    const isAlone = !isFirst && views.length === 0 && removed.length === 0;
    if (isAlone && !mustSpeak) return undefined;
    this.#roots = roots;
    for (const view of views) this.#told.set(view.root, view);
    for (const root of removed) this.#told.delete(root);
    const at = scannedAt(views);
    const data = frames.changes(at, isAlone ? undefined : views, removed, isStale);
    return { frame: { kind: "changes", data, scannedAt: views.length > 0 ? at : undefined }, isUpToDate: true };
  }

  forget(root: string): void {
    this.#told.delete(root);
  }

  #lacks(view: TreeView): boolean {
    const told = this.#told.get(view.root);
    if (told === undefined) return true;
    if (!view.looksLike(told)) return true;
    if (told !== view) this.#told.set(view.root, view);
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
      return this.#say(frames.delta(told, state), scannedAt([state.view]));
    }
    if (!mustSpeak && !this.#owesWord) return undefined;
    this.#owesWord = false;
    const at = new Date(scannedAt([])).toISOString();
    const data = TextFrame.of(`{"type":"checked","scanned_at":"${at}"${isStale ? ',"stale":true' : ""}}`);
    return { frame: { kind: "delta", data, scannedAt: undefined }, isUpToDate: true };
  }

  forget(root: string): void {
    this.#told.delete(root);
  }

  #say(data: TextFrame, scannedAt?: number): Told {
    this.#owesWord = true;
    return { frame: { kind: "delta", data, scannedAt }, isUpToDate: false };
  }
}
