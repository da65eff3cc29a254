import { HEARTBEAT_MS } from "../../../protocol/index.js";
import { DEFAULT_LIMITS } from "../../limit-options.js";
import { answersJson } from "../encoding/answers.js";
import { type RepositoryEntry, WHOLE_UNITS } from "../encoding/repository-entry.js";
import type { TreeState } from "../trees/tree-state.js";
import type { TreeView, ViewMark } from "../trees/tree-view.js";
import type { WatchedChat } from "../watched-chat.js";
import { ChangesMessage } from "./git-message.js";
import { MessageRoom, roomOf } from "./message-room.js";
import type { FrameRequest, NextFrame, WatchStream } from "./watch-stream.js";

/** The git stream (docs/protocol.md): whole diffs of the repositories that differ. */
export class GitStream implements WatchStream {
  readonly heartbeatMs = HEARTBEAT_MS;
  readonly #frameBytes: number;
  /** By root, the view of each tree that the client has. */
  readonly #sentViews = new Map<string, ViewMark>();
  /** The chat's list of roots when the client was last sent which are gone. */
  #sentRoots: ReadonlySet<string> | undefined;
  /** The message of which the client has a part. */
  #message: ChangesMessage | undefined;
  /** What is left of the message that goes out. */
  #room: MessageRoom | undefined;

  /** @param frameBytes what one `changes` message may have, in bytes of JSON: of trees that are more, hunks are left out */
  constructor(frameBytes = DEFAULT_LIMITS.frameBytes) {
    this.#frameBytes = frameBytes;
  }

  get isMidMessage(): boolean {
    return this.#message !== undefined;
  }

  next(chat: WatchedChat, request: FrameRequest): NextFrame | undefined {
    if (this.#message !== undefined) return this.#nextFragment(this.#message, chat, request);
    const { evenIfUnchanged, scannedAt, isStale, answers } = request;
    const views: TreeView[] = [];
    let units = 0;
    let maxBytes = 0;
    for (const view of chat.views()) {
      if (!this.#lacks(view)) continue;
      views.push(view);
      units += view.entry.units;
      maxBytes += view.entry.maxBytes;
    }
    const isFirst = this.#sentRoots === undefined;
    const removed = isFirst ? chat.tombstones() : this.#sentRoots === chat.roots ? [] : this.#gone(chat);
    const isUnchanged = !isFirst && views.length === 0 && removed.length === 0;
    if (isUnchanged && !evenIfUnchanged) return undefined;
    this.#sentRoots = chat.roots;
    for (const root of removed) this.#sentViews.delete(root);
    const roots = views.map(({ root }) => root);
    const roomBytes = roomOf(this.#frameBytes, removed, request);
    if (units > WHOLE_UNITS) {
      const room = new MessageRoom(chat.frames.shares(views, roomBytes));
      this.#room = room;
      const message = new ChangesMessage(roots, removed, (root) => this.#entryToSend(chat, root, room));
      return this.#nextFragment(message, chat, request);
    }
    // nearly every message has room for whatever its trees are: then it need not be shared out
    const room = maxBytes <= roomBytes ? undefined : new MessageRoom(chat.frames.shares(views, roomBytes));
    for (const view of views) this.#sentViews.set(view.root, view.mark);
    const at = scannedAt(roots);
    const entries = views.map((view) => room?.entryOf(view) ?? view.entry);
    const data = chat.frames.changes(at, isUnchanged ? undefined : entries, removed, { isStale, answers });
    const scanned = views.length > 0 ? at : undefined;
    const isCut = room?.hasLeftOut === true;
    return { frame: { kind: "changes", data, scannedAt: scanned, isLast: true, isCut }, isUpToDate: true };
  }

  forget(root: string): void {
    this.#sentViews.delete(root);
  }

  stateReplaced({ root, view }: TreeState): boolean {
    return this.#sentViews.get(root) === view.mark;
  }

  #nextFragment(message: ChangesMessage, chat: WatchedChat, { scannedAt, isStale, answers }: FrameRequest): NextFrame {
    let at: number | undefined;
    const { data, isLast } = message.next(chat.frames, () => {
      at = scannedAt(message.sentRoots);
      return `,"scanned_at":"${new Date(at).toISOString()}"${isStale ? ',"stale":true' : ""}${answersJson(answers)}}`;
    });
    this.#message = isLast ? undefined : message;
    const isCut = isLast && this.#room?.hasLeftOut === true;
    return { frame: { kind: "changes", data, scannedAt: at, isLast, isCut }, isUpToDate: isLast };
  }

  /**
   * The tree as it is now, if the client still lacks it; from here on, it counts as sent. One that has grown so much that the
   * message has no room for it stays for the next one.
   */
  #entryToSend(chat: WatchedChat, root: string, room: MessageRoom): RepositoryEntry | undefined {
    const view = chat.view(root);
    if (view === undefined || !this.#lacks(view)) return undefined;
    const entry = room.entryOf(view);
    if (entry !== undefined) this.#sentViews.set(root, view.mark);
    return entry;
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
