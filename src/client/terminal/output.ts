/** Where text goes: a terminal, a file or a pipe. */
export interface Output {
  /** @returns `false` when it is full */
  write(text: string): unknown;
  /** Called once, when it is no longer full. */
  once?(event: "drain", listener: () => void): unknown;
  /** Of a terminal: its width has changed. */
  on?(event: "resize", listener: () => void): unknown;
  off?(event: "resize", listener: () => void): unknown;
  isTTY?: boolean;
  /** Of a terminal. */
  columns?: number;
}

/** Settles when a full output takes text again, or the signal comes. */
export function drained(output: Output, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      signal.removeEventListener("abort", done);
      resolve();
    };
    signal.addEventListener("abort", done, { once: true });
    if (signal.aborted || output.once === undefined) done();
    else output.once("drain", done);
  });
}
