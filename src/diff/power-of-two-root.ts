/** A power of two near the square root of `n`: 2 to the number of base-4 digits of `n`. 1 for 0. */
export function powerOfTwoRoot(n: number): number {
  return 1 << ((33 - Math.clz32(n)) >> 1);
}
