import { compilePathPattern } from "../glob/path-pattern.js";
import { PatternIndex } from "../glob/pattern-index.js";
import type { BytePath } from "../io/byte-path.js";
import { unquoteCStyle } from "./c-quoting.js";

/** `true`: set, `false`: unset (`-name`), text: its value. */
export type AttributeValue = boolean | string;

/** What a line says of one attribute; `undefined` for `!name`: unspecified, whatever less important lines say. */
interface Assignment {
  name: string;
  value: AttributeValue | undefined;
}

/** One attributes file, compiled: patterns by their line, and macros. */
export interface AttributeFile {
  patterns: PatternIndex;
  /** By the number of a pattern. */
  assignments: readonly (readonly Assignment[])[];
  macros: ReadonlyMap<string, readonly Assignment[]>;
}

/** An attributes file that holds for a path. */
export interface AttributeLayer {
  file: AttributeFile;
  /** The path below the file's directory. */
  relative: BytePath;
}

/** Longer lines and larger files are left aside, as in git since 2.38.3. */
const MAX_LINE_BYTES = 2048;
const MAX_FILE_BYTES = 100 * 2 ** 20;

const ATTRIBUTE_NAME = /^[A-Za-z0-9_.][-A-Za-z0-9_.]*$/;

/** The one macro that git knows by itself. */
export const BUILT_IN_ATTRIBUTES: AttributeFile = parseAttributeFile(Buffer.from("[attr]binary -diff -merge -text"), {
  ignoreCase: false,
  allowsMacros: true,
});

/**
 * Compiles an attributes file. Rules: <https://git-scm.com/docs/gitattributes>.
 * @param allowsMacros false for a file below the top of the working tree, where `[attr]` has no meaning
 */
export function parseAttributeFile(
  bytes: Uint8Array | undefined,
  options: { ignoreCase: boolean; allowsMacros: boolean },
): AttributeFile {
  const rules: (readonly Assignment[])[] = [];
  const patterns = new PatternIndex(options.ignoreCase);
  const macros = new Map<string, readonly Assignment[]>();
  const file: AttributeFile = { patterns, assignments: rules, macros };
  if (bytes === undefined || bytes.length > MAX_FILE_BYTES) return file;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
  for (const line of text.replace(/^\xef\xbb\xbf/, "").split("\n")) {
    if (line.length >= MAX_LINE_BYTES) continue;
    const [first, rest] = splitLine(line);
    const assignments = first === "" ? undefined : parseAssignments(rest);
    if (assignments === undefined) continue;
    if (first.startsWith("[attr]")) {
      const name = first.slice("[attr]".length);
      if (options.allowsMacros && ATTRIBUTE_NAME.test(name)) macros.set(name, assignments);
      continue;
    }
    const pattern = compilePathPattern(first, options.ignoreCase);
    // A negated pattern is forbidden here, and one for directories never matches a file.
    if (pattern.negated || pattern.directoryOnly) continue;
    patterns.add(pattern, rules.length);
    rules.push(assignments);
  }
  return file;
}

/**
 * The attributes of one file.
 * @param layers most important first, {@link BUILT_IN_ATTRIBUTES} last
 */
export function collectAttributes(layers: readonly AttributeLayer[]): Map<string, AttributeValue> {
  const known = new Map<string, AttributeValue | undefined>();
  const assign = (assignments: readonly Assignment[]): void => {
    for (const { name, value } of assignments.toReversed()) {
      if (known.has(name)) continue;
      known.set(name, value);
      const macro = value === true ? findMacro(layers, name) : undefined;
      if (macro !== undefined) assign(macro);
    }
  };
  for (const { file, relative } of layers) {
    if (file.patterns.isEmpty) continue;
    const nameAt = relative.lastIndexOf("/") + 1;
    for (const line of file.patterns.all(relative.slice(0, nameAt), relative.slice(nameAt))) {
      assign(file.assignments[line] ?? []);
    }
  }
  const specified = new Map<string, AttributeValue>();
  for (const [name, value] of known) if (value !== undefined) specified.set(name, value);
  return specified;
}

function findMacro(layers: readonly AttributeLayer[], name: string): readonly Assignment[] | undefined {
  for (const { file } of layers) {
    const macro = file.macros.get(name);
    if (macro !== undefined) return macro;
  }
  return undefined;
}

/** @returns the pattern (unquoted) or macro, "" for a line without one, and what stands behind it */
function splitLine(line: string): [first: string, rest: string] {
  const text = line.replace(/^[ \t\r]+/, "");
  if (text === "" || text.startsWith("#")) return ["", ""];
  if (text.startsWith('"')) {
    const quoted = unquoteCStyle(text);
    if (quoted !== undefined) return [quoted.text, text.slice(quoted.end)];
  }
  const end = text.search(/[ \t\r]/);
  return end < 0 ? [text, ""] : [text.slice(0, end), text.slice(end)];
}

/** @returns `undefined` when a name is invalid: then the whole line is left aside */
function parseAssignments(text: string): Assignment[] | undefined {
  const assignments: Assignment[] = [];
  for (const word of text.split(/[ \t\r]+/)) {
    if (word === "") continue;
    const equals = word.indexOf("=");
    const prefix = /^[-!]/.exec(word)?.[0];
    const name = word.slice(prefix === undefined ? 0 : 1, equals < 0 ? undefined : equals);
    if (!ATTRIBUTE_NAME.test(name)) return undefined;
    if (prefix === "-") assignments.push({ name, value: false });
    else if (prefix === "!") assignments.push({ name, value: undefined });
    else assignments.push({ name, value: equals < 0 ? true : word.slice(equals + 1) });
  }
  return assignments;
}
