import { closest, distance } from "fastest-levenshtein";

/** A name that differs from a known one by so many letters is taken for a slip. */
export const SLIP_LETTERS = 2;

/**
 * The known name that is most like another one, if any is.
 *
 * @param letters by how many the two may differ; default: {@link SLIP_LETTERS}, or a third of a longer name
 */
export function nearest(
  name: string,
  known: readonly string[],
  letters = Math.max(SLIP_LETTERS, name.length / 3),
): string | undefined {
  const best = closest(name, known);
  return best !== undefined && distance(name, best) <= letters ? best : undefined;
}
