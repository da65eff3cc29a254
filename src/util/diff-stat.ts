import type { Colors } from "./terminal.js";

/** What of a file of a diff the table shows. */
export interface StatFile {
  /** From `diff --git` up to the first hunk. */
  header: string;
  /** Lines. */
  additions: number;
  /** Lines. */
  deletions: number;
  /** Set: its content is withheld. */
  withheld?: unknown;
  /** Set: a filter of it was not run. */
  filter_not_run?: unknown;
}

/** A line of the table before its layout. */
interface Row {
  name: string;
  additions: number;
  deletions: number;
  /** Stands in the place of the counts: `Bin`, `Unmerged`, `Filter not run`, `Withheld`. */
  word?: string;
}

/** Columns besides name, count and graph: ` `, ` | `, ` `, and one that stays free. */
const FRAME = 6;
const LEAST_GRAPH = 6;
const LEAST_NAME = 10;

/**
 * What changed, a line a file and a sum, in the layout of `git diff --stat` (<https://git-scm.com/docs/git-diff>,
 * "--stat"): as much as needed for the names, the rest for the graph, which gets at least three eighths of the width
 * when both are short of room.
 *
 * @param files in the order of the diff
 * @param width columns
 * @returns whole lines; "" when nothing changed
 */
export function formatStat(files: readonly StatFile[], width: number, colors: Colors): string {
  if (files.length === 0) return "";
  const rows = files.map(rowOf);
  const most = Math.max(...rows.map(({ additions, deletions }) => additions + deletions));
  const countWidth = Math.max(String(most).length, ...rows.map(({ word }) => (word === "Bin" ? 3 : 0)));
  const [nameWidth, graphWidth] = columns(Math.max(...rows.map(({ name }) => name.length)), most, countWidth, width);

  const lines = rows.map(({ name, additions, deletions, word }) => {
    const start = ` ${shorten(name, nameWidth).padEnd(nameWidth)} | `;
    if (word !== undefined) return start + word.padStart(word === "Bin" ? countWidth : 0);
    const count = String(additions + deletions).padStart(countWidth);
    const [plus, minus] = graph(additions, deletions, most, graphWidth);
    if (plus + minus === 0) return start + count;
    return `${start}${count} ${colors.green("+".repeat(plus))}${colors.red("-".repeat(minus))}`;
  });
  return `${[...lines, sum(rows)].join("\n")}\n`;
}

function rowOf(file: StatFile): Row {
  const { additions, deletions } = file;
  const name = nameOf(file.header);
  if (file.header.startsWith("* Unmerged path ")) return { name, additions, deletions, word: "Unmerged" };
  if (file.withheld !== undefined) return { name, additions, deletions, word: "Withheld" };
  if (file.filter_not_run !== undefined) return { name, additions, deletions, word: "Filter not run" };
  if (/^(Binary files|GIT binary patch)/m.test(file.header)) return { name, additions, deletions, word: "Bin" };
  return { name, additions, deletions };
}

/** The name as git quotes it, from a patch's header; of a rename both, with what they share written once. */
function nameOf(header: string): string {
  const from = /^(?:rename|copy) from (.*)$/m.exec(header)?.[1];
  const to = /^(?:rename|copy) to (.*)$/m.exec(header)?.[1];
  if (from !== undefined && to !== undefined) return renameOf(from, to);
  const unmerged = /^\* Unmerged path (.*)$/m.exec(header)?.[1];
  if (unmerged !== undefined) return unmerged;
  // without a rename both halves of `diff --git a/NAME b/NAME` are equally long
  const pair = /^diff --git (.*)$/m.exec(header)?.[1] ?? "";
  const second = pair.slice((pair.length + 1) / 2);
  return second.startsWith('"') ? `"${second.slice(3)}` : second.slice(2);
}

/** `old => new`; directories that both names start or end with stand outside braces. */
function renameOf(from: string, to: string): string {
  if (from.startsWith('"') || to.startsWith('"')) return `${from} => ${to}`;
  let head = 0;
  for (let at = 0; at < Math.min(from.length, to.length) && from[at] === to[at]; at += 1) {
    if (from[at] === "/") head = at + 1;
  }
  let tail = 0;
  // the slash that ends the common head may be the one that starts the common tail
  const most = Math.min(from.length, to.length) - Math.max(head - 1, 0);
  for (let length = 1; length <= most && from.at(-length) === to.at(-length); length += 1) {
    if (from.at(-length) === "/") tail = length;
  }
  if (head + tail === 0) return `${from} => ${to}`;
  const middle = (name: string) => name.slice(head, Math.max(name.length - tail, head));
  return `${from.slice(0, head)}{${middle(from)} => ${middle(to)}}${tail === 0 ? "" : from.slice(-tail)}`;
}

/** How wide names and graph may be. @param most the largest count */
function columns(longest: number, most: number, countWidth: number, given: number): [name: number, graph: number] {
  const width = Math.max(given, LEAST_NAME + LEAST_GRAPH + FRAME + countWidth);
  const room = width - countWidth - FRAME;
  if (longest + most <= room) return [longest, most];
  const share = Math.max(Math.floor((width * 3) / 8) - countWidth - FRAME, LEAST_GRAPH);
  const graphWidth = Math.min(most, share);
  return longest > room - graphWidth ? [room - graphWidth, graphWidth] : [longest, room - longest];
}

/** A name that is too long loses its start, up to a slash if one follows. */
function shorten(name: string, width: number): string {
  if (name.length <= width) return name;
  const rest = name.slice(name.length - Math.max(width - 3, 0));
  const slash = rest.indexOf("/");
  return `...${slash === -1 ? rest : rest.slice(slash)}`;
}

/** How many `+` and `-` stand for the counts: in proportion, and at least one for any change. */
function graph(additions: number, deletions: number, most: number, width: number): [plus: number, minus: number] {
  if (most <= width) return [additions, deletions];
  const scale = (count: number) => (count === 0 ? 0 : 1 + Math.floor((count * (width - 1)) / most));
  const total = Math.max(scale(additions + deletions), additions > 0 && deletions > 0 ? 2 : 0);
  if (additions < deletions) {
    const plus = scale(additions);
    return [plus, total - plus];
  }
  const minus = scale(deletions);
  return [total - minus, minus];
}

function sum(rows: readonly Row[]): string {
  const plural = (count: number, word: string) => `${count} ${word}${count === 1 ? "" : "s"}`;
  const additions = rows.reduce((total, row) => total + row.additions, 0);
  const deletions = rows.reduce((total, row) => total + row.deletions, 0);
  const files = rows.filter(({ word }) => word !== "Unmerged").length;
  return [
    ` ${plural(files, "file")} changed`,
    ...(additions > 0 || deletions === 0 ? [`${plural(additions, "insertion")}(+)`] : []),
    ...(deletions > 0 || additions === 0 ? [`${plural(deletions, "deletion")}(-)`] : []),
  ].join(", ");
}
