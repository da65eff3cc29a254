import type { Clock } from "../../util/index.js";

/** How much of the drain time states may take to be written. */
const SAVE_SHARE = 0.3;
/** How long sockets have to answer the close, in milliseconds; a quarter of the drain time at most. */
const CLOSE_MS = 2_500;
/** How long what has changed in the last moments may take to be written, after the drain. Milliseconds. */
export const LAST_SAVE_MS = 2_000;

/** What a relay that stops has to take leave of. */
export interface Draining {
  /** Has `/readyz` and new upgrades answered with 503, from here on. */
  turnAway(): void;
  /** Writes what is in memory alone, in pieces. @param isOver asked before each: there is no more time */
  save(isOver: () => boolean): Promise<void>;
  /**
   * Closes every socket with 1001.
   *
   * @param withinMs spread over so much time, in milliseconds @param graceMs how long each has to answer
   */
  closeSockets(withinMs: number, graceMs: number): Promise<void>;
  /** Stops listening, and lets requests under way end. @param forMs for so long, in milliseconds */
  closeHttp(forMs: number): Promise<void>;
}

/**
 * Stops a relay so that nothing is lost and not everybody comes back in the same moment:
 *
 * ```
 * turned away ──────────────────────────────────────────────────▶
 * states ▓▓▓▓ │ sockets ▓ ▓ ▓ ▓ ▓ ▓ ▓ ▓ │ their answers │ requests │ what has changed meanwhile
 *             ≤ 30 %                                   drain time ┘
 * ```
 *
 * States are written before anybody is sent away: whoever ends the process early then costs nobody a whole state.
 *
 * @param drainMs how long all of it may take, the last save aside, in milliseconds
 */
export async function drain(relay: Draining, drainMs: number, clock: Clock): Promise<void> {
  const endsAtMs = clock.monotonicMs() + drainMs;
  const leftMs = () => Math.max(0, endsAtMs - clock.monotonicMs());
  relay.turnAway();
  await bounded(relay, SAVE_SHARE * drainMs, clock);
  const graceMs = Math.min(CLOSE_MS, drainMs / 4);
  await relay.closeSockets(Math.max(0, leftMs() - graceMs), graceMs);
  await relay.closeHttp(leftMs());
  await bounded(relay, LAST_SAVE_MS, clock);
}

/** Saves, and goes on when the time is over, also when a single piece takes as long as that. */
async function bounded({ save }: Pick<Draining, "save">, forMs: number, clock: Clock): Promise<void> {
  let isOver = false;
  let end = () => {};
  const over = new Promise<void>((resolve) => {
    end = resolve;
  });
  const cancel = clock.after(forMs, () => {
    isOver = true;
    end();
  });
  await Promise.race([save(() => isOver), over]);
  cancel();
}
