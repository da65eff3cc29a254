import { execFile } from "node:child_process";
import { coalesce } from "./coalesce.js";
import type { Logger } from "./log/log.js";

/** A message takes a few milliseconds; systemd that does not answer must not hold anything up. Milliseconds. */
const SEND_MS = 5_000;

/**
 * Tells systemd how the service is (sd_notify(3)). Node.js has no datagram sockets in the file system's namespace, so
 * each message goes out through `systemd-notify`, which every system with systemd has; the unit says `NotifyAccess=all`,
 * as that is a child. Messages that come while one is on its way are sent together.
 */
export class Notifier {
  /** systemd ends a service that has not called {@link alive} for so long. Milliseconds; `undefined`: it does not watch. */
  readonly watchdogMs: number | undefined;
  readonly #environment: NodeJS.ProcessEnv;
  readonly #logger: Logger;
  readonly #flush: () => Promise<void>;
  readonly #waiting = new Map<string, string>();
  #failed = false;

  private constructor(environment: NodeJS.ProcessEnv, logger: Logger) {
    this.#environment = environment;
    this.#logger = logger;
    this.#flush = coalesce(() => this.#send());
    const { WATCHDOG_USEC, WATCHDOG_PID } = environment;
    const watched = WATCHDOG_USEC !== undefined && (WATCHDOG_PID === undefined || Number(WATCHDOG_PID) === process.pid);
    const watchdogMs = Number(WATCHDOG_USEC) / 1000;
    this.watchdogMs = watched && watchdogMs > 0 ? watchdogMs : undefined;
  }

  /** @returns `undefined` when systemd has not asked to be told */
  static create(logger: Logger, environment: NodeJS.ProcessEnv = process.env): Notifier | undefined {
    return environment.NOTIFY_SOCKET ? new Notifier(environment, logger) : undefined;
  }

  /** The service does its work, or is known to be trying. @param status in plain words */
  ready(status: string): Promise<void> {
    return this.#notify({ READY: "1", STATUS: status });
  }

  /** @param text in plain words, on one line */
  status(text: string): Promise<void> {
    return this.#notify({ STATUS: text });
  }

  /** What is read from files is read again; {@link ready} ends it. */
  reloading(): Promise<void> {
    const microseconds = process.hrtime.bigint() / 1000n;
    return this.#notify({ RELOADING: "1", MONOTONIC_USEC: String(microseconds) });
  }

  stopping(): Promise<void> {
    return this.#notify({ STOPPING: "1", STATUS: "leaving" });
  }

  /** The loop that does the work runs. */
  alive(): Promise<void> {
    return this.#notify({ WATCHDOG: "1" });
  }

  #notify(variables: Record<string, string>): Promise<void> {
    for (const [name, value] of Object.entries(variables)) this.#waiting.set(name, value.replace(/\s+/g, " "));
    return this.#flush();
  }

  /** Never rejects: a service whose messages do not arrive goes on, and systemd decides. */
  async #send(): Promise<void> {
    if (this.#waiting.size === 0) return;
    const variables = [...this.#waiting].map(([name, value]) => `${name}=${value}`);
    this.#waiting.clear();
    await new Promise<void>((resolve) => {
      const options = { env: this.#environment, timeout: SEND_MS };
      execFile("systemd-notify", variables, options, (error) => {
        if (error !== null && !this.#failed) this.#logger.warn({ err: error }, "systemd cannot be told");
        this.#failed = error !== null;
        resolve();
      });
    });
  }
}
