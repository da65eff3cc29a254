import type { ServerMessage } from "../../protocol/index.js";
import { hasPassed, latestUntilNow } from "../wall-clock.js";
import { TextFrame } from "./encoding/text-frame.js";
import { ErrorBacklog } from "./error-backlog.js";
import type { Outlet } from "./outlet.js";
import { PendingRefreshes, type Refresh } from "./pending-refreshes.js";
import type { Frame, WatchStream } from "./streams/watch-stream.js";
import type { TreeState } from "./trees/tree-state.js";
import type { BlockedViewer, WatchedChat } from "./watched-chat.js";

/** How long a first frame waits for the barrier when the states that are here already could be shown, in milliseconds. */
export const FIRST_FRAME_PATIENCE_MS = 1_000;

const SLOW_AGENT = "the agent has not answered yet; the changes follow when it does";
const NO_NAMES: readonly string[] = [];
const NO_ANSWER = "the agent has not answered";

/**
 * What the client has been shown. A passed barrier leads from `starting` and `impatient` to `ready`, and from `stale` to
 * `recovered`; every complete frame leads to `live` or `stale`.
 *
 * - `starting`: the first frame waits for a barrier, so that every write from before the client came is in it.
 * - `impatient`: it has waited for long; states that the agent has confirmed will do.
 * - `ready`: the first frame may go.
 * - `live`: the last complete frame was of an agent that was there.
 * - `stale`: the last complete frame said that the agent is away.
 * - `recovered`: so did the last one, but the agent is back: a frame says so even when nothing differs.
 */
type Progress = "starting" | "impatient" | "ready" | "live" | "stale" | "recovered";

/**
 * What the outlet is doing: `sending` one frame; `sendingThenMore`: one frame, with something to look for behind it;
 * `closed`: nothing more goes out.
 */
type Output = "idle" | "sending" | "sendingThenMore" | "closed";

/**
 * One client of one chat, and what it lacks. At most one frame is under way to it; when that has drained, the next one
 * carries what differs by then, so that a slow client sees fewer frames and never stale ones.
 */
export class Viewer implements BlockedViewer {
  readonly #outlet: Outlet;
  readonly #stream: WatchStream;
  /** The client accepts the last state that is known, marked as such, while the agent is away. */
  readonly acceptsStale: boolean;
  readonly #errors = new ErrorBacklog();
  readonly #refreshes = new PendingRefreshes(() => this.sendError(SLOW_AGENT));
  readonly #patience: NodeJS.Timeout;
  #chat: WatchedChat;
  #progress: Progress = "starting";
  #output: Output = "idle";
  /** The client could take a frame, and others have their turn first. */
  #waitsForTurn = false;
  /** It is among the chat's {@link WatchedChat.blocked}, which is large and seldom concerned: it is not asked each time. */
  #isBlocked = false;
  /** Of a message in several frames, as it began: which refreshes it answers, whether it carries old states. */
  #partialMessage: { refreshes: readonly Refresh[]; isStale: boolean } | undefined;
  #heartbeatDue = false;
  #lastFrameAt = Date.now();
  /** Milliseconds since 1970: `scanned_at` of the last frame. It never goes back. */
  #lastScannedAt = 0;

  /** @param acceptsStale see {@link acceptsStale} */
  constructor(chat: WatchedChat, outlet: Outlet, stream: WatchStream, acceptsStale: boolean) {
    this.#chat = chat;
    this.#outlet = outlet;
    this.#stream = stream;
    this.acceptsStale = acceptsStale;
    this.#patience = setTimeout(() => {
      if (this.#progress === "starting") this.#progress = "impatient";
      this.flush();
    }, FIRST_FRAME_PATIENCE_MS).unref();
  }

  get chat(): WatchedChat {
    return this.#chat;
  }

  /** Goes on with another binding of the chat. The next frame carries the difference. */
  moveTo(chat: WatchedChat): void {
    this.#stopWaiting();
    this.#chat = chat;
  }

  stateReplaced(state: TreeState): boolean {
    return this.#stream.stateReplaced(state);
  }

  /** A barrier that started after the client came has passed. */
  markReady(): void {
    if (this.#progress === "starting" || this.#progress === "impatient") this.#progress = "ready";
    else if (this.#progress === "stale") this.#progress = "recovered";
    this.flush();
  }

  /**
   * The client wants to know that it is up to date. It is always answered: by a frame, or by an error.
   *
   * @param id the answer names it
   */
  refresh(id?: string): void {
    if (!this.#chat.agentIsConnected) {
      this.sendError(this.#chat.agentAwayMessage, id === undefined ? [] : [id]);
      return;
    }
    const onPassed = (): void => this.markReady();
    const onFailed = (failed: string): void => {
      this.sendError(this.#chat.agentIsConnected ? NO_ANSWER : this.#chat.agentAwayMessage, [failed]);
    };
    this.#refreshes.wait(this.#chat.barrier(), { onPassed, onFailed }, id);
  }

  /** The client lacks what it would need to apply the next change of a tree. */
  resync(root: string): void {
    this.forget(root);
    this.flush();
  }

  /** Whatever comes next of a tree goes out whole. */
  forget(root: string): void {
    this.#stream.forget(root);
  }

  /** Sends what the chat remembers as trouble; a viewer without its first frame gets it right behind that. */
  sendTrouble(message: string): void {
    if (!this.isStarting) this.sendError(message);
  }

  /** Sends an `error` frame as soon as the client can take one. @param answers names of the refreshes that it answers */
  sendError(message: string, answers: readonly string[] = []): void {
    this.#errors.add(message, answers);
    this.flush();
  }

  /**
   * The agent has gone away, or the chat was bound to a workspace whose agent is away: an error says so, and answers what
   * waits for it; or the client leaves.
   */
  agentIsAway(): void {
    const message = this.#chat.agentAwayMessage;
    const answers = this.#refreshes.giveUp();
    if (this.#outlet.onAgentAway === undefined) this.sendError(message, answers);
    else this.#outlet.onAgentAway(message);
  }

  /** Says at least that nothing changed when no frame has gone out for a while. @param earlyMs before that is over */
  heartbeat(earlyMs: number): void {
    if (!hasPassed(this.#stream.heartbeatMs - earlyMs, this.#lastFrameAt)) return;
    this.#heartbeatDue = true;
    this.flush();
  }

  /** What the client asks for cannot be had: its socket is closed. */
  fail(thrown: unknown): void {
    if (this.#output === "closed") return;
    this.#output = "closed";
    this.#outlet.onFailed(thrown);
  }

  /** The socket is gone. */
  ended(): void {
    this.#output = "closed";
    this.#stopWaiting();
    clearTimeout(this.#patience);
    this.#refreshes.stop();
  }

  #stopWaiting(): void {
    this.#waitsForTurn = false;
    this.#unblock();
    this.#chat.turn.forget(this);
  }

  #block(): void {
    if (this.#isBlocked) return;
    this.#isBlocked = true;
    this.#chat.blocked.add(this);
  }

  #unblock(): void {
    if (!this.#isBlocked) return;
    this.#isBlocked = false;
    this.#chat.blocked.delete(this);
  }

  /** How many errors and answers wait for the client to read. */
  get backlog(): number {
    return this.#errors.size + this.#refreshes.owed;
  }

  /** Sends what the client lacks, if it can take a frame now. */
  flush(): void {
    if (this.#output === "closed") return;
    if (this.#output !== "idle") {
      this.#output = "sendingThenMore";
      this.#block();
      this.#outlet.onBlocked();
      return;
    }
    const waited = this.#waitsForTurn;
    this.#waitsForTurn = !this.#chat.turn.enter(this);
    if (this.#waitsForTurn) {
      this.#block();
      return;
    }
    this.#unblock();
    const wasMidMessage = this.#stream.isMidMessage;
    let next: { frame: Frame; mayHaveMore: boolean } | undefined;
    try {
      next = this.#nextFrame();
    } catch (thrown) {
      // whoever caused this flush (the agent, a timer, another viewer's frame) must not suffer for it
      this.fail(thrown);
      return;
    }
    const trees = this.#chat.roots.size;
    if (next === undefined) {
      this.#chat.turn.spend(0, { trees });
      if (waited) this.#outlet.onDrained();
      return;
    }
    this.#output = next.mayHaveMore ? "sendingThenMore" : "sending";
    this.#outlet.send(next.frame, this.#onSent);
    this.#chat.turn.spend(next.frame.data.payload.length, { trees, isFragment: wasMidMessage || !next.frame.isLast });
  }

  /** One for all frames. */
  readonly #onSent = (): void => this.#sent();

  #sent(): void {
    this.#unblock();
    const mayHaveMore = this.#output === "sendingThenMore";
    if (this.#output !== "closed") this.#output = "idle";
    if (mayHaveMore) this.flush();
    const isDrained = this.#output === "idle" && !this.#waitsForTurn;
    if (isDrained || this.#output === "closed") this.#outlet.onDrained();
  }

  /** It has been shown nothing whole yet. */
  get isStarting(): boolean {
    return this.#progress === "starting" || this.#progress === "impatient" || this.#progress === "ready";
  }

  /** @returns `mayHaveMore`: there may be another frame behind it, even if nothing happens meanwhile */
  #nextFrame(): { frame: Frame; mayHaveMore: boolean } | undefined {
    const error = this.#stream.isMidMessage ? undefined : this.#errors.shift();
    if (error !== undefined) {
      const answers = error.answers.length > 0 && { answers: [...error.answers] };
      const message: ServerMessage = { type: "error", message: error.message, ...answers };
      const data = TextFrame.of(JSON.stringify(message));
      return { frame: { kind: "error", data, scannedAt: undefined, isLast: true }, mayHaveMore: true };
    }
    // an agent that has come says what is true, however long the store takes
    const isLoading = this.#chat.isLoading && !this.#chat.agentIsConnected;
    if (isLoading && this.#partialMessage === undefined) return undefined;
    const isStale = this.#partialMessage?.isStale ?? (this.acceptsStale && !this.#chat.agentIsConnected);
    if (this.isStarting && !this.#mayStart(isStale)) return undefined;
    // of a message in parts, the beginning has to be behind the barrier
    const refreshes = this.#partialMessage?.refreshes ?? this.#refreshes.next();
    const isAnswer = refreshes.length > 0;
    const next = this.#stream.next(this.#chat, {
      evenIfUnchanged: isAnswer || this.#heartbeatDue || (this.#progress === "recovered" && !isStale),
      scannedAt: (roots) => this.#scannedAt(roots, isAnswer),
      isStale,
      answers: isAnswer ? refreshes.flatMap(({ id }) => id ?? []) : NO_NAMES,
    });
    const wasMidMessage = this.#partialMessage !== undefined;
    this.#partialMessage = this.#stream.isMidMessage ? { refreshes, isStale } : undefined;
    if (next === undefined) return undefined;
    if (next.isUpToDate) this.#markUpToDate(isStale, refreshes);
    // errors that wait for the first frame, answers that are owed one by one, the rest of a delta or of a message, and what
    // came while that was under way
    const mayHaveMore = !next.isUpToDate || wasMidMessage || this.backlog > 0;
    return { frame: next.frame, mayHaveMore };
  }

  #markUpToDate(isStale: boolean, refreshes: readonly Refresh[]): void {
    const isFirst = this.isStarting;
    this.#refreshes.answered(refreshes);
    this.#heartbeatDue = false;
    this.#progress = isStale ? "stale" : "live";
    this.#lastFrameAt = Date.now();
    if (!isFirst) return;
    clearTimeout(this.#patience);
    for (const message of this.#chat.troubles()) this.#errors.addAlways(message);
  }

  #mayStart(isStale: boolean): boolean {
    if (isStale) return this.#chat.hasLastStates;
    if (this.#progress === "ready") return true;
    return this.#progress === "impatient" && !this.#refreshes.isWaiting && this.#chat.isSettled();
  }

  #scannedAt(roots: readonly string[], afterBarrier: boolean): number {
    const known = this.#chat.scannedAt(roots, afterBarrier);
    this.#lastScannedAt = latestUntilNow(this.#lastScannedAt, known);
    return this.#lastScannedAt;
  }
}
