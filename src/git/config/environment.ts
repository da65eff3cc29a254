import { badConfig } from "../io/files.js";
import type { Setting } from "./syntax.js";

/** The environment has no room for more. */
const MAX_SETTINGS = 100_000;

/**
 * The settings that stand in the environment, which outweigh all files: those of `git -c` (`GIT_CONFIG_PARAMETERS`),
 * and before them `GIT_CONFIG_COUNT` with its keys and values. Rules: <https://git-scm.com/docs/git-config#ENVIRONMENT>.
 *
 * @throws TreewireError `TW_BAD_GIT_CONFIG` for what git refuses, too
 */
export function environmentSettings(environment: NodeJS.ProcessEnv): Setting[] {
  return [...counted(environment), ...parameters(environment.GIT_CONFIG_PARAMETERS ?? "")];
}

function counted(environment: NodeJS.ProcessEnv): Setting[] {
  const settings: Setting[] = [];
  for (let at = 0; at < Math.min(Number(environment.GIT_CONFIG_COUNT) || 0, MAX_SETTINGS); at += 1) {
    const name = canonicalName(environment[`GIT_CONFIG_KEY_${at}`] ?? "");
    if (name !== undefined) settings.push({ name, value: environment[`GIT_CONFIG_VALUE_${at}`] });
  }
  return settings;
}

/** Quoted for a shell: `'name'='value'`, or as git wrote it before 2.31, `'name=value'`; blanks between. */
function parameters(text: string): Setting[] {
  const word = String.raw`'(?:[^']|'\\['!]')*'`;
  const syntax = new RegExp(String.raw`\s*(${word})(?:(=)(${word})?)?(?=\s|$)`, "gy");
  const settings: Setting[] = [];
  let end = 0;
  for (const [all, first = "", equals, second] of text.matchAll(syntax)) {
    end += all.length;
    const [key, ...rest] = equals === undefined ? unquoted(first).split("=") : [unquoted(first)];
    const name = canonicalName(key ?? "");
    if (name === undefined) throw badConfig("GIT_CONFIG_PARAMETERS", `no setting is named ${key}`);
    const value = second === undefined ? (rest.length > 0 ? rest.join("=") : undefined) : unquoted(second);
    settings.push({ name, value });
  }
  if (text.slice(end).trim() !== "") throw badConfig("GIT_CONFIG_PARAMETERS", "bogus format");
  return settings;
}

function unquoted(word: string): string {
  return word.slice(1, -1).replaceAll(/'\\(['!])'/g, "$1");
}

/** @returns section and key in lower case, `undefined` for text that names no setting */
function canonicalName(text: string): string | undefined {
  const parts = /^([^.]+)(\..*)?\.([^.]+)$/s.exec(text);
  if (parts === null) return undefined;
  const [, section = "", subsection = "", key = ""] = parts;
  return `${section.toLowerCase()}${subsection}.${key.toLowerCase()}`;
}
