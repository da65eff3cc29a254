// Loaded when the first diff is on the screen: what reads programs is larger than the rest of the page.
import highlighter from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import css from "highlight.js/lib/languages/css";
import go from "highlight.js/lib/languages/go";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import python from "highlight.js/lib/languages/python";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import { type NamedSpan, spansOf } from "../../model/tokens.js";
import { MORE_LANGUAGES } from "./more-languages.js";

for (const [name, language] of Object.entries({ bash, css, go, javascript, json, python, typescript, xml })) {
  highlighter.registerLanguage(name, language);
}

/** @returns the coloured stretches of a program's text; none in a language that is not known */
export async function colour(text: string, language: string): Promise<NamedSpan[]> {
  if (highlighter.getLanguage(language) === undefined) {
    const load = MORE_LANGUAGES[language];
    if (load === undefined) return [];
    highlighter.registerLanguage(language, (await load()).default);
  }
  return spansOf(highlighter.highlight(text, { language, ignoreIllegals: true }).value);
}
