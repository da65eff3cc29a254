import { type Logger, Notifier, timerDelay } from "../../util/index.js";
import type { TunnelStatus } from "../tunnel/tunnel.js";

/** Between two signs of life, this share of the time that systemd allows may pass. */
const WATCHDOG_SHARE = 1 / 3;

export interface ServiceOptions {
  logger: Logger;
  /** The relay's host and port. */
  relay: string;
  /** Settles when the thread that does the work has answered. */
  ping: () => Promise<void>;
  environment?: NodeJS.ProcessEnv;
}

/**
 * The agent as systemd sees it: ready once it is connected, or known to be trying; alive as long as both the loop of
 * this thread and that of the trees' thread turn.
 */
export class Service {
  readonly #options: ServiceOptions;
  readonly #notifier: Notifier | undefined;
  readonly #watchdog: NodeJS.Timeout | undefined;
  #isReady = false;
  #text = "";

  constructor(options: ServiceOptions) {
    this.#options = options;
    this.#notifier = Notifier.create(options.logger, options.environment);
    const notifier = this.#notifier;
    if (notifier?.watchdogMs === undefined) return;
    let asked = false;
    const beat = async () => {
      if (asked) return; // the last question has not been answered: there is nothing to tell
      asked = true;
      await options.ping();
      await notifier.alive();
      asked = false;
    };
    this.#watchdog = setInterval(() => void beat(), timerDelay(notifier.watchdogMs * WATCHDOG_SHARE));
  }

  /** The connection is another than before. */
  onTunnel(status: TunnelStatus): void {
    const text = describeTunnel(this.#options.relay, status);
    // each try of a long night would say "connecting", and then the same failure again
    if (text === this.#text || (status.state === "connecting" && status.problem !== undefined)) return;
    this.#text = text;
    if (this.#isReady) void this.#notifier?.status(text);
    if (this.#isReady || status.state === "connecting") return;
    this.#isReady = true;
    void this.#notifier?.ready(text);
  }

  /** Runs what reads files again. */
  async reload(job: () => void): Promise<void> {
    await this.#notifier?.reloading();
    job();
    await this.#notifier?.ready(this.#text);
  }

  /** The agent is about to leave. Settles when systemd has been told. */
  async stopping(): Promise<void> {
    clearInterval(this.#watchdog);
    await this.#notifier?.stopping();
  }
}

function describeTunnel(relay: string, { state, problem }: TunnelStatus): string {
  if (state === "connected") return `connected to ${relay}`;
  return problem === undefined ? `connecting to ${relay}` : `trying again and again: ${problem}`;
}
