import type { ServerMessage } from "../../protocol/index.js";
import type { Channel } from "./channel.js";
import { removedJson, type TreeView } from "./tree.js";

/** Where a viewer's frames go: one WebSocket. */
export interface Outlet {
  /** Writes one text frame; `done` is called when the operating system has taken it, or the socket has died. */
  send(frame: Frame, done: () => void): void;
  /** Something has to wait: the frame before it has not drained yet. */
  waits(): void;
  /** Nothing waits any more. */
  drained(): void;
}

export interface Frame {
  kind: "changes" | "error";
  data: string | Buffer;
  /** When the change that it carries was scanned: milliseconds since 1970; `undefined` when it carries none. */
  scannedAt: number | undefined;
}

/**
 * Errors that wait for a client that does not read; what comes after them is dropped. Far more than a client can cause
 * before its socket is held: one read of it brings 64 KiB.
 */
const MAX_WAITING_ERRORS = 65_536;

/** How long a refresh waits for the agent before the client is told that it is slow, in milliseconds. Clients wait 5 s. */
const SLOW_AGENT_MS = 4_000;

/** How long a first frame waits for the barrier when the states that are here already could be shown, in milliseconds. */
const FIRST_FRAME_PATIENCE_MS = 1_000;

const SLOW_AGENT = "the agent has not answered yet; the changes follow when it does";

/**
 * One client of one chat: what it was told, and what it is owed. At most one frame is under way to it; when that has
 * drained, the next one carries what differs by then, so that a slow client sees fewer frames and never stale ones.
 */
export class Viewer {
  readonly #outlet: Outlet;
  #channel: Channel;
  readonly #told = new Map<string, TreeView>();
  readonly #errors: string[] = [];
  #nextError = 0;
  #sentFirst = false;
  /** The first frame may go: every write from before the client came is in the states that are here. */
  #ready = false;
  #patienceIsOver = false;
  readonly #patience: NodeJS.Timeout;
  #inFlight = false;
  #closed = false;
  /** Refreshes whose barrier is still out. */
  #waiting = 0;
  #slow: NodeJS.Timeout | undefined;
  /** Refreshes whose barrier has passed, each to be answered by a frame. */
  #owed = 0;
  #heartbeatDue = false;
  #lastFrameAt = Date.now();
  /** Milliseconds since 1970: `scanned_at` of the last frame. It never goes back. */
  #lastScannedAt = 0;

  constructor(channel: Channel, outlet: Outlet) {
    this.#channel = channel;
    this.#outlet = outlet;
    this.#patience = setTimeout(() => {
      this.#patienceIsOver = true;
      this.flush();
    }, FIRST_FRAME_PATIENCE_MS);
    this.#patience.unref();
  }

  get channel(): Channel {
    return this.#channel;
  }

  /** Goes on with another channel: the chat was bound anew. The next frame tells the difference. */
  moveTo(channel: Channel): void {
    this.#channel = channel;
  }

  /** A barrier that started after the client came has passed. */
  markReady(): void {
    this.#ready = true;
    this.flush();
  }

  /** The client wants to know that it is up to date. It is always answered: by a frame, or by an error. */
  refresh(): void {
    if (!this.#channel.agentIsConnected) {
      this.tellError(this.#channel.agentAwayMessage);
      return;
    }
    this.#waiting += 1;
    this.#slow ??= setTimeout(() => this.tellError(SLOW_AGENT), SLOW_AGENT_MS).unref();
    this.#channel.barrier().then(
      () => {
        this.#settleRefresh();
        this.#owed += 1;
        this.markReady();
      },
      // every viewer was told why when the agent was lost
      () => this.#settleRefresh(),
    );
  }

  #settleRefresh(): void {
    this.#waiting -= 1;
    if (this.#waiting > 0) return;
    clearTimeout(this.#slow);
    this.#slow = undefined;
  }

  /** Trouble that the channel remembers: a viewer without its first frame is told right behind it. */
  tellTrouble(message: string): void {
    if (this.#sentFirst) this.tellError(message);
  }

  tellError(message: string): void {
    if (this.backlog < MAX_WAITING_ERRORS) this.#errors.push(message);
    this.flush();
  }

  /** Sends `scanned_at` alone when no frame has gone out for that many milliseconds. */
  beat(afterMs: number): void {
    if (Date.now() - this.#lastFrameAt < afterMs) return;
    this.#heartbeatDue = true;
    this.flush();
  }

  /** The socket is gone. */
  ended(): void {
    this.#closed = true;
    clearTimeout(this.#patience);
    clearTimeout(this.#slow);
  }

  /** How many answers wait for the client to read. */
  get backlog(): number {
    return this.#errors.length - this.#nextError;
  }

  /** Sends what the client lacks, if it can take a frame now. */
  flush(): void {
    if (this.#closed) return;
    if (this.#inFlight) {
      this.#outlet.waits();
      return;
    }
    const error = this.#takeError();
    if (error !== undefined) {
      const message: ServerMessage = { type: "error", message: error };
      this.#send({ kind: "error", data: JSON.stringify(message), scannedAt: undefined });
      return;
    }
    if (!this.#sentFirst && !this.#mayStart()) return;
    const views = this.#channel.views().filter((view) => this.#lacks(view));
    const removed = this.#removed();
    if (this.#sentFirst && views.length === 0 && removed.length === 0 && this.#owed === 0 && !this.#heartbeatDue)
      return;

    for (const view of views) this.#told.set(view.root, view);
    for (const root of removed) this.#told.delete(root);
    const alone = this.#sentFirst && views.length === 0 && removed.length === 0;
    const scannedAt = this.#scannedAt(views);
    if (this.#owed > 0) this.#owed -= 1;
    this.#heartbeatDue = false;
    this.#lastFrameAt = Date.now();
    if (!this.#sentFirst) {
      this.#sentFirst = true;
      clearTimeout(this.#patience);
      this.#errors.push(...this.#channel.troubles());
    }
    this.#send({
      kind: "changes",
      data: this.#channel.frames.changes(scannedAt, alone ? undefined : views, removed),
      scannedAt: views.length > 0 ? scannedAt : undefined,
    });
  }

  #mayStart(): boolean {
    if (this.#ready) return true;
    return this.#patienceIsOver && this.#waiting === 0 && this.#channel.isSettled();
  }

  #lacks(view: TreeView): boolean {
    const told = this.#told.get(view.root);
    if (told === undefined) return true;
    if (!told.equals(view)) return true;
    if (told !== view) this.#told.set(view.root, view); // lets the older text go
    return false;
  }

  #removed(): string[] {
    if (!this.#sentFirst) return this.#channel.tombstones();
    return [...this.#told.keys()].filter((root) => this.#channel.hasNoMore(root));
  }

  #scannedAt(views: readonly TreeView[]): number {
    const known = this.#channel.scannedAt(views, this.#owed > 0);
    this.#lastScannedAt = Math.max(this.#lastScannedAt, known);
    return this.#lastScannedAt;
  }

  /** The oldest error that waits. The list is cut when it has run empty: taking from its front would move the rest. */
  #takeError(): string | undefined {
    const error = this.#errors[this.#nextError];
    if (error === undefined) {
      this.#errors.length = 0;
      this.#nextError = 0;
      return undefined;
    }
    this.#nextError += 1;
    return error;
  }

  #send(frame: Frame): void {
    this.#inFlight = true;
    this.#outlet.send(frame, () => {
      this.#inFlight = false;
      this.flush();
      if (!this.#inFlight) this.#outlet.drained();
    });
  }
}

/** Builds `changes` frames; clients that are told the same thing at the same moment share one buffer. */
export class FrameCache {
  readonly #frames = new Map<string, Buffer>();
  #clearing = false;

  /**
   * @param scannedAt milliseconds since 1970
   * @param views `undefined`: a frame with `scanned_at` alone
   * @param removed roots that are no longer there
   */
  changes(scannedAt: number, views: readonly TreeView[] | undefined, removed: readonly string[]): Buffer {
    const key = `${scannedAt} ${views?.map(({ id }) => id).join(" ") ?? "alone"} ${removed.join("\n")}`;
    let frame = this.#frames.get(key);
    if (frame === undefined) {
      frame = Buffer.from(changesJson(scannedAt, views, removed));
      this.#frames.set(key, frame);
      this.#clearSoon();
    }
    return frame;
  }

  /** A frame is worth keeping for the burst that fans one update out, and no longer. */
  #clearSoon(): void {
    if (this.#clearing) return;
    this.#clearing = true;
    setImmediate(() => {
      this.#clearing = false;
      this.#frames.clear();
    });
  }
}

function changesJson(scannedAt: number, views: readonly TreeView[] | undefined, removed: readonly string[]): string {
  const head = `{"type":"changes","scanned_at":"${new Date(scannedAt).toISOString()}"`;
  if (views === undefined) return `${head}}`;
  const repositories = [...views.map((view) => view.json), ...removed.map(removedJson)];
  return `${head},"repositories":[${repositories.join(",")}]}`;
}
