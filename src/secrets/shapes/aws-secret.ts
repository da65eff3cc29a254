import type { Keyword } from "./keyword-index.js";
import { characterSet, looksDrawn, type Recognizer, runEnd } from "./recognizer.js";

const VALUE = characterSet("A-Za-z0-9/+=");
const GAP = characterSet(" \\t\"'`:=>");
const MAX_GAP_UNITS = 16;
/** They have 40; half of one is as secret. */
const LEAST_UNITS = 24;
const MOST_UNITS = 64;

/**
 * The secret key of AWS behind its name. Secretlint's rule finds it too, and names a place that begins at the name and is as
 * long as the key: the end of the key would be left.
 */
function recognizerOf(name: string): Recognizer {
  return ({ text, end }, at) => {
    const behind = at + name.length;
    const from = runEnd(text, behind, Math.min(end, behind + MAX_GAP_UNITS), GAP);
    const to = runEnd(text, from, Math.min(end, from + MOST_UNITS), VALUE);
    const value = text.slice(from, to);
    const isKey = from > behind && value.length >= LEAST_UNITS && looksDrawn(value) && !value.includes("EXAMPLE");
    return isKey ? { start: from, end: to, shown: 0, rule: "aws-secret-key" } : undefined;
  };
}

export const AWS_KEYWORDS: readonly Keyword<Recognizer>[] = ["access_key", "accesskey"].map((text) => {
  return { text, anyCase: true, recognizer: recognizerOf(text) };
});
