import { PatternMachine } from "./pattern-machine.js";
import { compilePattern } from "./pattern-program.js";
import { type PatternSyntax, parsePattern } from "./posix-pattern.js";
import type { FunctionPattern } from "./types.js";

/**
 * The function-name pattern that configuration gives a driver: `diff.<name>.xfuncname` ("extended") or `funcname`
 * ("basic"), a POSIX regular expression with the GNU C library's additions on each line; a line behind `!` says what is no
 * head. Rules: <https://git-scm.com/docs/gitattributes#_defining_a_custom_hunk_header>.
 *
 * Whatever the pattern, a line takes time in proportion to its length; only with references to groups (`\\1`) it may take
 * more, and is no head when it takes too much.
 *
 * @param name the driver's, or what else the pattern shall be called
 * @param text the value, one character per byte (latin1)
 * @throws SyntaxError for a value that git refuses, or whose repetitions are too big, in a few words
 */
export function configuredPattern(name: string, text: string, syntax: PatternSyntax): FunctionPattern {
  const lines = text.split("\n");
  if (lines.at(-1)?.startsWith("!")) throw new SyntaxError("the last expression must not be negated");
  const rules = lines.map((line) => {
    const isNone = line.startsWith("!");
    return { isNone, machine: new PatternMachine(compilePattern(parsePattern(isNone ? line.slice(1) : line, syntax))) };
  });
  const match = (line: Uint8Array): Uint8Array | undefined => {
    for (const { isNone, machine } of rules) {
      const found = machine.match(line);
      if (found !== undefined) return isNone ? undefined : line.subarray(...found);
    }
    return undefined;
  };
  return { name, match };
}
