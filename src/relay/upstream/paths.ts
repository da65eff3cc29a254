import { PREFIXES } from "../routes.js";

/**
 * Whose a path is: `upstream`, everything at and below `/chats`; `own`, the git stream and whatever else is called git, and
 * all paths elsewhere; `nonsense`, a path that two servers may take for two different ones.
 */
export type PathOwner = "upstream" | "own" | "nonsense";

const CHATS = new RegExp(`^(?:${PREFIXES.filter((prefix) => prefix !== "").join("|")})?/chats(?:/(.*))?$`, "s");

/** @param path of a request's target, as it came: before anybody has resolved its dots or decoded its escapes */
export function ownerOf(path: string): PathOwner {
  const [chats, rest] = CHATS.exec(path) ?? [];
  if (chats === undefined) return "own";
  if (rest === undefined || rest === "") return "upstream";
  const segments = rest.replace(/\/$/, "").split("/").map(decoded);
  if (segments.some(isAmbiguous)) return "nonsense";
  const [, second, third] = segments.map((segment) => segment?.toLowerCase());
  return second === "git" || (second === "stream" && third === "git") ? "own" : "upstream";
}

function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

/** Servers differ in whether these lead up, or into another path: such a one may leave `/chats`, or come to our routes. */
function isAmbiguous(segment: string | undefined): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for
  return segment === undefined || /^\.{0,2}$|[/\\\0-\x1f\x7f]/.test(segment);
}
