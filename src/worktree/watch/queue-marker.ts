import { randomUUID } from "node:crypto";
import { closeSync, type FSWatcher, futimesSync, openSync, unlinkSync, watch } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemCode } from "../../util/index.js";

/** Where the file may be made: in memory where there is such a place, which is in nobody's working tree. */
const PLACES = ["/dev/shm", tmpdir()];

/**
 * A file of this process that has no name, and a watch on it by the thread's inotify instance. Setting its times raises one
 * event, behind all that were raised before: nobody else can reach the file, so the event that comes is that one.
 *
 * The name is taken away before the watch is placed, so nothing is left behind when the process is killed.
 */
export class QueueMarker {
  readonly #descriptor: number;
  readonly #watcher: FSWatcher;
  #onEvent: () => void = () => {};
  #marks = 0;

  /** @returns `undefined` where there is no such file, no `/proc`, or no watch left */
  static open(this: void): QueueMarker | undefined {
    for (const place of PLACES) {
      let descriptor: number | undefined;
      try {
        const path = join(place, `.treewire-${randomUUID()}`);
        descriptor = openSync(path, "wx", 0o600);
        unlinkSync(path);
        return new QueueMarker(descriptor);
      } catch (error) {
        if (descriptor !== undefined) closeSync(descriptor);
        if (systemCode(error) === undefined) throw error;
      }
    }
    return undefined;
  }

  /** @param descriptor of a file without a name; closed by {@link close} */
  private constructor(descriptor: number) {
    this.#watcher = watch(`/proc/self/fd/${descriptor}`, { persistent: false }, () => this.#onEvent());
    this.#watcher.on("error", () => this.#watcher.close());
    this.#descriptor = descriptor;
  }

  /**
   * Marks the end of the queue. One mark at a time: equal events that are next to each other are one.
   *
   * @param limitMs how long to wait, in milliseconds
   * @returns whether all that was queued before has been delivered, and what is done at the end of that turn of the loop is done
   */
  pass(limitMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      let isDelivered = false;
      const end = (): void => {
        clearTimeout(timer);
        this.#onEvent = () => {};
        resolve(isDelivered);
      };
      // a loop that was busy for so long has yet to ask the kernel: it does between its timers and its immediates
      const timer = setTimeout(() => setImmediate(end), limitMs);
      this.#onEvent = () => {
        isDelivered = true;
        setImmediate(end);
      };
      this.#marks += 1;
      futimesSync(this.#descriptor, this.#marks, this.#marks);
    });
  }

  close(): void {
    this.#watcher.close();
    closeSync(this.#descriptor);
  }
}
