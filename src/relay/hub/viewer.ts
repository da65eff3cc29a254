import type { ServerMessage } from "../../protocol/index.js";
import type { Channel } from "./channel.js";
import { TextFrame } from "./encoding/text-frame.js";
import type { WatchStream } from "./streams/watch-stream.js";
import type { TreeState } from "./trees/tree-state.js";

/** Where a viewer's frames go: one WebSocket. */
export interface Outlet {
  /** Writes one text frame; `done` is called when the operating system has taken it, or the socket has died. */
  send(frame: Frame, done: () => void): void;
  /** Something has to wait: the frame before it has not drained yet. */
  onBlocked(): void;
  /** Nothing waits any more. */
  onDrained(): void;
}

export interface Frame {
  kind: "changes" | "delta" | "error";
  data: TextFrame;
  /** When the change that it carries was scanned: milliseconds since 1970; `undefined` when it carries none. */
  scannedAt: number | undefined;
  /** Else the message goes on with the next one. */
  isLast: boolean;
}

/**
 * Errors that wait for a client that does not read; what comes after them is dropped. Far more than a client can cause
 * before its socket is held: one read of it brings 64 KiB.
 */
const MAX_WAITING_ERRORS = 65_536;
/** The same in UTF-16 units: an agent's troubles may be long. */
const MAX_WAITING_ERROR_UNITS = 256 * 1024;

/** How long a refresh waits for the agent before the client is told that it is slow, in milliseconds. Clients wait 5 s. */
const SLOW_AGENT_MS = 4_000;

/** How long a first frame waits for the barrier when the states that are here already could be shown, in milliseconds. */
const FIRST_FRAME_PATIENCE_MS = 1_000;

const SLOW_AGENT = "the agent has not answered yet; the changes follow when it does";

/**
 * One client of one chat, and what it is owed. At most one frame is under way to it; when that has drained, the next one
 * carries what differs by then, so that a slow client sees fewer frames and never stale ones.
 */
export class Viewer {
  readonly #outlet: Outlet;
  readonly #telling: WatchStream;
  readonly #takesStale: boolean;
  #channel: Channel;
  readonly #errors: string[] = [];
  #nextError = 0;
  /** Of the errors that wait, in UTF-16 units. */
  #errorUnits = 0;
  #sentFirst = false;
  /** The first frame may go: every write from before the client came is in the states that are here. */
  #ready = false;
  /** The last frame said that the agent is away. */
  #toldStale = false;
  #patienceIsOver = false;
  #patience: NodeJS.Timeout | undefined;
  #inFlight = false;
  /** There may be more to send than what is under way. */
  #hasMore = false;
  #closed = false;
  /** Of the message that is under way, as it was begun: it answers a refresh, it carries old states. */
  #begun: { answers: boolean; isStale: boolean } | undefined;
  /** Refreshes whose barrier is still out. */
  #waiting = 0;
  #slow: NodeJS.Timeout | undefined;
  /** Refreshes whose barrier has passed, each to be answered by a frame. */
  #owed = 0;
  #heartbeatDue = false;
  #lastFrameAt = Date.now();
  /** Milliseconds since 1970: `scanned_at` of the last frame. It never goes back. */
  #lastScannedAt = 0;

  /** @param takesStale the client takes the last state that is known, marked as such, while the agent is away */
  constructor(channel: Channel, outlet: Outlet, telling: WatchStream, takesStale: boolean) {
    this.#channel = channel;
    this.#outlet = outlet;
    this.#telling = telling;
    this.#takesStale = takesStale;
    this.#patience = setTimeout(() => {
      this.#patienceIsOver = true;
      this.flush();
    }, FIRST_FRAME_PATIENCE_MS).unref();
  }

  get channel(): Channel {
    return this.#channel;
  }

  /** Goes on with another channel: the chat was bound anew. The next frame tells the difference. */
  moveTo(channel: Channel): void {
    this.#channel.workspace.waiting.delete(this);
    this.#channel = channel;
  }

  /** A tree has a newer state than this one, while the client has not taken its last frame. */
  stateReplaced(state: TreeState): void {
    this.#telling.stateReplaced(state);
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

  /** The client lacks what it would need to take the next change of a tree. */
  resync(root: string): void {
    this.#telling.forget(root);
    this.flush();
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
    if (this.backlog < MAX_WAITING_ERRORS && this.#errorUnits < MAX_WAITING_ERROR_UNITS) this.#addError(message);
    this.flush();
  }

  /** Says at least that nothing changed when no frame has gone out for that many milliseconds. */
  heartbeat(afterMs: number): void {
    if (Date.now() - this.#lastFrameAt < afterMs) return;
    this.#heartbeatDue = true;
    this.flush();
  }

  /** The socket is gone. */
  ended(): void {
    this.#closed = true;
    this.#channel.workspace.waiting.delete(this);
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
      this.#hasMore = true;
      this.#channel.workspace.waiting.add(this);
      this.#outlet.onBlocked();
      return;
    }
    this.#hasMore = false;
    const frame = this.#nextFrame();
    if (frame === undefined) return;
    this.#inFlight = true;
    this.#outlet.send(frame, () => {
      this.#inFlight = false;
      this.#channel.workspace.waiting.delete(this);
      if (this.#hasMore) this.flush();
      if (!this.#inFlight) this.#outlet.onDrained();
    });
  }

  #nextFrame(): Frame | undefined {
    const error = this.#telling.isMidMessage ? undefined : this.#takeError();
    if (error !== undefined) {
      this.#hasMore = true;
      const message: ServerMessage = { type: "error", message: error };
      return { kind: "error", data: TextFrame.of(JSON.stringify(message)), scannedAt: undefined, isLast: true };
    }
    const isStale = this.#begun?.isStale ?? (this.#takesStale && !this.#channel.agentIsConnected);
    if (!this.#sentFirst && !this.#mayStart(isStale)) return undefined;
    const isLiveAgain = this.#toldStale && !isStale && this.#ready;
    // of a message in parts, the beginning has to be behind the barrier
    const answers = this.#begun?.answers ?? this.#owed > 0;
    const told = this.#telling.next(this.#channel, this.#channel.frames, {
      mustSpeak: answers || this.#heartbeatDue || isLiveAgain,
      scannedAt: (roots) => this.#scannedAt(roots, answers),
      isStale,
    });
    const wasAmid = this.#begun !== undefined;
    this.#begun = this.#telling.isMidMessage ? { answers, isStale } : undefined;
    if (told?.isUpToDate) this.#isUpToDate(isStale, answers);
    // errors that wait for the first frame, answers that are owed one by one, the rest of a delta or of a message, and what
    // came while that was under way
    this.#hasMore = told?.isUpToDate === false || wasAmid || this.#owed > 0 || this.backlog > 0;
    return told?.frame;
  }

  #isUpToDate(isStale: boolean, answers: boolean): void {
    if (answers) this.#owed -= 1;
    this.#heartbeatDue = false;
    this.#toldStale = isStale;
    if (isStale) this.#ready = false; // until the agent is back and has passed a barrier
    this.#lastFrameAt = Date.now();
    if (this.#sentFirst) return;
    this.#sentFirst = true;
    clearTimeout(this.#patience);
    this.#patience = undefined;
    for (const message of this.#channel.troubles()) this.#addError(message);
  }

  #addError(message: string): void {
    this.#errors.push(message);
    this.#errorUnits += message.length;
  }

  #mayStart(isStale: boolean): boolean {
    if (this.#ready || isStale) return true;
    return this.#patienceIsOver && this.#waiting === 0 && this.#channel.isSettled();
  }

  #scannedAt(roots: readonly string[], afterBarrier: boolean): number {
    const known = this.#channel.scannedAt(roots, afterBarrier);
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
    this.#errorUnits -= error.length;
    return error;
  }
}
