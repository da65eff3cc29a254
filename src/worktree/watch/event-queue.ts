import { readFileSync } from "node:fs";
import { coalesce, systemCode } from "../../util/index.js";
import { QueueMarker } from "./queue-marker.js";

/** Linux's default for `fs.inotify.max_queued_events`. */
const DEFAULT_QUEUE_EVENTS = 16_384;

/** A marker's event takes a turn of the event loop; one that has not come by then was dropped. Milliseconds. */
const MARKER_LIMIT_MS = 2000;

export interface EventQueueOptions {
  /** How many events the kernel queues. Default: what the kernel says. */
  queueEvents?: number;
  /** Makes what marks the queue's end; `undefined` where that can't be had. */
  openMarker?: () => QueueMarker | undefined;
  /** How long a marker's event is waited for, in milliseconds. */
  limitMs?: number;
}

/**
 * The kernel's queue of file events. libuv has one inotify instance for each event loop, so all watches of a thread share
 * one queue, whatever tree they belong to.
 *
 * - **It may overflow.** libuv drops the event that says so (its watch descriptor is -1, `uv__inotify_read` in libuv's
 *   `src/unix/linux.c`), but a queue that overflowed was full, and all of it is delivered in one turn of the event loop.
 * - **It is in order.** The kernel queues the event of a call before that call returns, so all that was finished before a
 *   marker's event was raised has been delivered when that one is.
 */
export class EventQueue {
  /**
   * Waits until every event that was raised before the call has been delivered.
   *
   * @returns whether that is proven: `false` when the end of the queue can't be marked, or the mark was lost. An overflow in the
   *   events that were waited for has been reported by then
   */
  readonly drained: () => Promise<boolean>;
  #queueEvents: number | undefined;
  readonly #openMarker: () => QueueMarker | undefined;
  readonly #limitMs: number;
  readonly #listeners = new Set<() => void>();
  #marker: QueueMarker | undefined;
  #eventsThisTurn = 0;

  constructor({ queueEvents, openMarker = QueueMarker.open, limitMs = MARKER_LIMIT_MS }: EventQueueOptions = {}) {
    this.#queueEvents = queueEvents;
    this.#openMarker = openMarker;
    this.#limitMs = limitMs;
    this.drained = coalesce(() => this.#drain());
  }

  /** An event was delivered. */
  count(): void {
    if (this.#eventsThisTurn === 0) {
      setImmediate(() => {
        this.#queueEvents ??= queueLimit();
        // a quarter: events of directories that are no longer watched are dropped unseen, and equal neighbours merge
        const mayHaveOverflowed = this.#eventsThisTurn >= this.#queueEvents / 4;
        this.#eventsThisTurn = 0;
        if (mayHaveOverflowed) for (const listener of [...this.#listeners]) listener();
      });
    }
    this.#eventsThisTurn += 1;
  }

  /** Calls the listener when events may have been lost. @returns what ends that */
  onOverflow(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async #drain(): Promise<boolean> {
    this.#marker ??= this.#openMarker();
    const isMarked = await this.#marker?.pass(this.#limitMs);
    if (isMarked === true) return true;
    this.#marker?.close(); // another one may be luckier
    this.#marker = undefined;
    return false;
  }
}

/** The queue of this thread. */
export const threadQueue = new EventQueue();

/** How many events the kernel queues before it drops some. */
export function queueLimit(): number {
  try {
    return Number(readFileSync("/proc/sys/fs/inotify/max_queued_events", "utf8")) || DEFAULT_QUEUE_EVENTS;
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return DEFAULT_QUEUE_EVENTS; // not Linux, or no /proc
  }
}
