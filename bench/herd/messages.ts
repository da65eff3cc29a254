// What the processes of the herd benchmark say to each other. It starts nothing, so that all can import it.

/** The longest time in which an event loop did nothing else. Milliseconds. */
export interface Stalls {
  /** By the clock. */
  ms: number;
  /** The longest without what it waited for a processor, which others had. */
  ownMs: number;
}

/**
 * - `come`: everybody connects, in one go, and tries again until each has what it came for; answered then.
 * - `cut`: all connections are cut.
 */
export type ToHerd = { kind: "come"; edit: number } | { kind: "cut" };

/** When the last one had what it came for, by `clockMs`: the welcome, or the state of the edit. */
export interface FromHerd {
  doneAt: number;
}

/** Who comes: an agent or a viewer for each workspace, by its number. */
export interface HerdOptions {
  url: string;
  /** One for each, or one for all. */
  tokens: string[];
  count: number;
  frameBytes: number;
}
