import { HEARTBEAT_MS } from "../../../protocol/index.js";
import { answersJson } from "../encoding/answers.js";
import { WHOLE_UNITS } from "../encoding/repository-entry.js";
import type { TreeView, ViewMark } from "../trees/tree-view.js";
import type { WatchedChat } from "../watched-chat.js";
import { ChangesMessage } from "./git-message.js";
import type { FrameRequest, NextFrame, WatchStream } from "./watch-stream.js";

/** The git stream (docs/protocol.md): whole diffs of the repositories that differ. */
export class GitStream implements WatchStream {
  readonly heartbeatMs = HEARTBEAT_MS;
  /** By root, the view of each tree that the client has. */
  readonly #sentViews = new Map<string, ViewMark>();
  /** The chat's list of roots when the client was last sent which are gone. */
  #sentRoots: ReadonlySet<string> | undefined;
  /** The message of which the client has a part. */
  #message: ChangesMessage | undefined;

  get isMidMessage(): boolean {
    return this.#message !== undefined;
  }

  next(chat: WatchedChat, request: FrameRequest): NextFrame | undefined {
    if (this.#message !== undefined) return this.#nextFragment(this.#message, chat, request);
    const { evenIfUnchanged, scannedAt, isStale, answers } = request;
    const views = chat.views().filter((view) => this.#lacks(view));
    const isFirst = this.#sentRoots === undefined;
    const removed = isFirst ? chat.tombstones() : this.#sentRoots === chat.roots ? [] : this.#gone(chat);
    const isUnchanged = !isFirst && views.length === 0 && removed.length === 0;
    if (isUnchanged && !evenIfUnchanged) return undefined;
    this.#sentRoots = chat.roots;
    for (const root of removed) this.#sentViews.delete(root);
    const roots = views.map(({ root }) => root);
    if (views.reduce((units, { entry }) => units + entry.units, 0) > WHOLE_UNITS) {
      const message = new ChangesMessage(roots, removed, (root) => this.#viewToSend(chat, root));
      return this.#nextFragment(message, chat, request);
    }
    for (const view of views) this.#sentViews.set(view.root, view.mark);
    const at = scannedAt(roots);
    const data = chat.frames.changes(at, isUnchanged ? undefined : views, removed, { isStale, answers });
    const frame = { kind: "changes", data, scannedAt: views.length > 0 ? at : undefined, isLast: true } as const;
    return { frame, isUpToDate: true };
  }

  forget(root: string): void {
    this.#sentViews.delete(root);
  }

  stateReplaced(): void {
    // what was sent is remembered by its digest
  }

  #nextFragment(message: ChangesMessage, chat: WatchedChat, { scannedAt, isStale, answers }: FrameRequest): NextFrame {
    let at: number | undefined;
    const { data, isLast } = message.next(chat.frames, () => {
      at = scannedAt(message.sentRoots);
      return `,"scanned_at":"${new Date(at).toISOString()}"${isStale ? ',"stale":true' : ""}${answersJson(answers)}}`;
    });
    this.#message = isLast ? undefined : message;
    return { frame: { kind: "changes", data, scannedAt: at, isLast }, isUpToDate: isLast };
  }

  /** The tree as it is now, if the client still lacks it; from here on, it counts as sent. */
  #viewToSend(chat: WatchedChat, root: string): TreeView | undefined {
    const view = chat.view(root);
    if (view === undefined || !this.#lacks(view)) return undefined;
    this.#sentViews.set(root, view.mark);
    return view;
  }

  #lacks(view: TreeView): boolean {
    const sent = this.#sentViews.get(view.root);
    if (sent === undefined || !view.looksLike(sent)) return true;
    if (sent !== view.mark) this.#sentViews.set(view.root, view.mark);
    return false;
  }

  #gone(chat: WatchedChat): string[] {
    return [...this.#sentViews.keys()].filter((root) => chat.hasNoMore(root));
  }
}
