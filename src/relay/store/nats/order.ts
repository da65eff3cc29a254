let last = 0;

/**
 * What tells two records apart that were made in the same millisecond: the greater one was made later, if by the same process.
 *
 * @returns milliseconds since 1970, with a fraction; greater each time
 */
export function orderNow(): number {
  last = Math.max(performance.timeOrigin + performance.now(), last + 0.001);
  return last;
}
