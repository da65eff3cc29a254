import { unquotedPath } from "./quoted-path.js";

const INDEX = /^(index )([0-9a-f]{40,64})\.\.([0-9a-f]{40,64})/gm;
const ZEROS = /^0+$/;

/** The path that a file had, if the header of its patch says that it was renamed. One byte per character. */
export function renamedFrom(header: string): string | undefined {
  const [, printed] = /^(?:rename|copy) from (.*)$/m.exec(header) ?? [];
  return printed === undefined ? undefined : unquotedPath(printed);
}

/** The header with other object ids; those that are zeros, where there is no file, stay. */
export function withIds(header: string, idFor: (id: string) => string): string {
  const other = (id: string) => (ZEROS.test(id) ? id : idFor(id));
  return header.replace(INDEX, (_, word: string, one: string, two: string) => `${word}${other(one)}..${other(two)}`);
}

/** The header with object ids that say nothing. */
export function withoutIds(header: string): string {
  return withIds(header, (id) => "0".repeat(id.length));
}

/** The headers that stand among hunks: the patch of a change of kind is a deletion, and then a creation. */
export function headersAmong(hunks: string): string {
  const at = hunks.search(/^diff --git /m);
  if (at < 0) return "";
  const rest = hunks.slice(at);
  const end = rest.search(/^@@ /m);
  return end < 0 ? rest : rest.slice(0, end);
}
