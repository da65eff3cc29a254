/**
 * Wraps a job so that at most one run is under way and at most one waits behind it.
 *
 * ```
 * call     a────b──c──────────d
 * run      [  1   ][    2    ][ 3 ]
 * settles  a ─────┘ b, c ────┘  d
 * ```
 *
 * A call that arrives while a run is under way may have seen the world change after that run looked at it, so it is
 * answered by the next run, which all such calls share.
 *
 * @param job what to run; it takes its input from where the callers left it (a dirty set, a newest state)
 * @returns a function whose promise settles with the first run that **started** after the call; it rejects with what
 *   that run threw, and the run after it is not held up by that
 */
export function coalesce<T>(job: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  let queued: Promise<T> | undefined;

  const start = (): Promise<T> => {
    const run = (async () => job())();
    running = run;
    const finished = () => {
      if (running === run) running = undefined;
    };
    run.then(finished, finished);
    return run;
  };

  return () => {
    if (running === undefined) return start();
    if (queued === undefined) {
      const next = () => {
        queued = undefined;
        return start();
      };
      queued = running.then(next, next);
    }
    return queued;
  };
}
