import type { Channel } from "../channel.js";
import { WHOLE_UNITS } from "../encoding/repository-entry.js";
import type { TreeView, ViewMark } from "../trees/tree-view.js";
import type { FrameCache } from "./frame-cache.js";
import { ChangesMessage } from "./git-message.js";
import type { FrameRequest, NextFrame, WatchStream } from "./watch-stream.js";

/** Tells in `changes` frames (docs/protocol.md): whole diffs of the repositories that differ. */
export class GitStream implements WatchStream {
  readonly #told = new Map<string, ViewMark>();
  /** The channel's list of roots when those that are gone were last told. */
  #roots: ReadonlySet<string> | undefined;
  /** The message of which the client has a part. */
  #message: ChangesMessage | undefined;

  get isMidMessage(): boolean {
    return this.#message !== undefined;
  }

  next(channel: Channel, frames: FrameCache, occasion: FrameRequest): NextFrame | undefined {
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

  stateReplaced(): void {
    // what was told is remembered by its digest
  }

  #goOn(message: ChangesMessage, frames: FrameCache, { scannedAt, isStale }: FrameRequest): NextFrame {
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
