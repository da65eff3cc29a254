/**
 * The field of a message that names the refreshes which it answers, to stand behind another field.
 *
 * @param ids what the client called them; none: ""
 */
export function answersJson(ids: readonly string[]): string {
  return ids.length === 0 ? "" : `,"answers":${JSON.stringify(ids)}`;
}
