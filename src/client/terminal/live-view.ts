import {
  diffFiles,
  findFile,
  lastLines,
  patchText,
  secretsOf,
  type TreeFile,
  type TreeMeta,
  unifiedDiff,
} from "../../protocol/index.js";
import { type Colors, formatStat, paintDiff, printable } from "../../util/index.js";
import type { WatchedTree } from "../trees.js";
import type { Snapshot } from "../watch.js";
import { type ChangedHunk, changedHunks, type HunkLine } from "./hunks.js";
import { printableLine, renderAge } from "./render.js";

export interface LiveViewOptions {
  colors: Colors;
  /** On a terminal what is new is marked, a first look is a table, and what is very long is cut. */
  isTerminal: boolean;
  /** Whole diffs, at first and at each change. */
  isFull: boolean;
  /** The width at this moment. */
  columns: () => number;
  /** Milliseconds since 1970, from which ages are counted. */
  now: () => number;
}

/** So many lines of one change are shown on a terminal; the rest is counted. */
const MAX_LINES = 200;
/** What stands before each line on a terminal: whether it is new. Colour alone would not say so to everyone. */
const [NEW, OLD] = ["▌", " "];

/**
 * What people read of a chat: at first all of it, as a table, then what each state has that the one before had not. Lines are
 * whole, the newest last.
 */
export class LiveView {
  readonly #options: LiveViewOptions;
  #before: Snapshot | undefined;

  constructor(options: LiveViewOptions) {
    this.#options = options;
  }

  /** The next state. @returns what is to be printed; "" when nothing has changed */
  show(snapshot: Snapshot): string {
    const before = this.#before;
    this.#before = snapshot;
    const parts = [this.#presence(before, snapshot)];
    for (const root of before?.trees.keys() ?? []) {
      if (!snapshot.trees.has(root)) parts.push(`${this.#root(root)}  ${this.#options.colors.red("removed")}\n`);
    }
    for (const [root, tree] of snapshot.trees) parts.push(this.#tree(before?.trees.get(root), tree, snapshot));
    if (snapshot.trees.size === 0 && before?.trees.size !== 0 && !snapshot.isStale)
      parts.push("no repository to watch\n");
    return parts.join("");
  }

  /** All that is known, as a table or as whole diffs. */
  overview(isFull: boolean): string {
    const snapshot = this.#before;
    if (snapshot === undefined) return "nothing has come yet\n";
    return [...snapshot.trees.values()].map((tree) => this.#title(tree, snapshot) + this.#whole(tree, isFull)).join("");
  }

  /** Whether the agent is there, where that is news. */
  #presence(before: Snapshot | undefined, { isStale, scannedAt, trees }: Snapshot): string {
    const { colors, now } = this.#options;
    if (isStale && before?.isStale !== true) {
      const last = trees.size === 0 ? "" : `; this is its last state, of ${renderAge(now() - scannedAt.getTime())}`;
      return `${colors.yellow(`the workspace's agent is not connected${last}`)}\n`;
    }
    return !isStale && before?.isStale === true ? "the workspace's agent is connected\n" : "";
  }

  #tree(before: WatchedTree | undefined, tree: WatchedTree, snapshot: Snapshot): string {
    const { isFull } = this.#options;
    if (before === undefined)
      return this.#title(tree, snapshot) + this.#whole(tree, isFull || !this.#options.isTerminal);
    const changes = diffFiles(before.files, tree.files);
    const [was, is] = [before, tree].map(({ meta }) => [meta.branch, meta.health, ...comparedNotes(meta)].join("\n"));
    const isAnew = was !== is;
    if (changes.size === 0) {
      const isLarge = tree.meta.too_large_bytes > 0 && before.meta.too_large_bytes !== tree.meta.too_large_bytes;
      return isLarge || isAnew ? this.#title(tree, snapshot) + (isLarge ? this.#whole(tree, true) : "") : "";
    }
    const title = isAnew || isFull || snapshot.trees.size > 1 ? this.#title(tree, snapshot) : "";
    if (isFull) return title + this.#whole(tree, true);
    const files = [...changes].map(([key, file]) => {
      const old = findFile(before.files, key);
      const wasCommitted = file !== undefined && old?.hunks === file.hunks && old.header === file.header;
      return wasCommitted ? "" : this.#file(old, file); // its patch is the same
    });
    return title + files.join("") + this.#sum(tree);
  }

  #root(root: string): string {
    return this.#options.colors.bold(printableLine(root));
  }

  /** Its place, branch and age, and what is wrong or hidden. */
  #title({ root, meta, files }: WatchedTree, { scannedAt }: Snapshot): string {
    const { colors, now } = this.#options;
    const branch = meta.branch === "" ? colors.yellow("(no branch)") : colors.cyan(printableLine(meta.branch));
    const age = colors.dim(renderAge(now() - scannedAt.getTime()));
    const notes = [printableLine(meta.health), hiddenText(files)].filter((note) => note !== "");
    const compared = comparedNotes(meta).map(meta.compare?.reason === undefined ? colors.dim : colors.yellow);
    return `${[this.#root(root), branch, age, ...compared, ...notes.map(colors.yellow)].join("  ")}\n`;
  }

  #whole({ files, meta }: WatchedTree, isFull: boolean): string {
    const { colors, columns, isTerminal } = this.#options;
    if (files.length === 0 && meta.too_large_bytes === 0) return `${colors.dim("clean")}\n`;
    if (!isFull) return formatStat(files.map(withPrintableHeader), columns(), colors);
    const shown = isTerminal ? files.map(withShortIds) : files;
    const diff = paintDiff(unifiedDiff(shown, meta.too_large_bytes), colors);
    return diff.endsWith("\n") ? diff : `${diff}\n`;
  }

  /** One file that has changed, or no longer differs. */
  #file(before: TreeFile | undefined, file: TreeFile | undefined): string {
    const { colors, isTerminal } = this.#options;
    if (file === undefined) {
      return `${colors.bold(printableLine(before?.path ?? ""))}  ${colors.dim("no longer differs")}\n`;
    }
    const hunks = changedHunks(before?.hunks ?? "", file.hunks);
    const rest = file.hunks === "" ? printable(patchText(file).slice(file.header.length)) : printable(lastLines(file));
    if (!isTerminal) return paintDiff(file.header, colors) + this.#hunks(hunks) + rest;
    const counts = `${colors.green(`+${file.additions}`)} ${colors.red(`-${file.deletions}`)}`;
    const gone =
      hunks.length === 0 && before !== undefined && file.hunks !== "" ? `  ${colors.dim("less than before")}` : "";
    return `${colors.bold(printableLine(file.path))}  ${counts}${gone}\n${this.#hunks(hunks)}${rest}`;
  }

  #hunks(hunks: readonly ChangedHunk[]): string {
    const { colors, isTerminal } = this.#options;
    const lines = hunks.flatMap(({ head, lines }) => [{ text: head, isNew: false }, ...lines]);
    const shown = isTerminal ? lines.slice(0, MAX_LINES) : lines;
    const left = lines.length - shown.length;
    const text = shown.map((line) => `${this.#line(line)}\n`).join("");
    return left === 0 ? text : `${text}${colors.dim(`${left} more lines; f shows all`)}\n`;
  }

  #line({ text, isNew }: HunkLine): string {
    const { colors, isTerminal } = this.#options;
    const line = printable(text);
    const head = /^@@ .*? @@/.exec(line)?.[0];
    const painted =
      head !== undefined
        ? colors.cyan(head) + line.slice(head.length)
        : text[0] === "+"
          ? colors.green(line)
          : text[0] === "-"
            ? colors.red(line)
            : line;
    if (!isTerminal) return painted;
    return isNew && text[0] !== " " ? `${colors.bold(NEW)}${painted}` : `${OLD}${painted}`;
  }

  /** What differs by now, on one line. */
  #sum({ files }: WatchedTree): string {
    const { colors, isTerminal, columns } = this.#options;
    if (!isTerminal) return "";
    const last = formatStat(files, columns(), NO_COLORS).trimEnd().split("\n").at(-1) ?? "";
    return `${colors.dim(files.length === 0 ? " clean" : last)}\n`;
  }
}

const plain = (text: unknown) => String(text);
/** Where only the words of a table count. */
const NO_COLORS = { green: plain, red: plain } as Colors;

function withPrintableHeader(file: TreeFile): TreeFile {
  return { ...file, header: printable(file.header) };
}

/** A file as people read it, whose object ids leave room on the line. */
function withShortIds(file: TreeFile): TreeFile {
  return {
    ...file,
    header: file.header.replace(/^index ([0-9a-f]{12})[0-9a-f]*\.\.([0-9a-f]{12})[0-9a-f]*/m, "index $1..$2"),
  };
}

/** With what a tree is compared, where that is not HEAD as it was asked for. */
function comparedNotes({ compare, commits = [], commits_truncated: isTruncated }: TreeMeta): string[] {
  if (compare === undefined) return [];
  if (compare.reason !== undefined) return [printableLine(`compared with HEAD: ${compare.reason}`)];
  if (compare.kind === "commit")
    return [printableLine(`commit ${commits[0]?.oid.slice(0, 12)} ${commits[0]?.subject}`)];
  const count = `${commits.length}${isTruncated ? "+" : ""} ${commits.length === 1 ? "commit" : "commits"}`;
  return [printableLine(`since ${compare.base_ref}: ${count}, ${compare.behind} behind`)];
}

/** What an agent has hidden: by which rules files are withheld, and how to have it otherwise. "" when nothing is. */
function hiddenText(files: readonly TreeFile[]): string {
  const { withheld_files: withheld = [], masked_files: masked = [] } = secretsOf(files);
  const rules = [...new Set(withheld.map(({ rule }) => printableLine(rule)))].join(", ");
  const parts = [
    ...(withheld.length > 0 ? [`${withheld.length} withheld (${rules})`] : []),
    ...(masked.length > 0 ? [`${masked.length} masked`] : []),
  ];
  return parts.length === 0 ? "" : `secrets: ${parts.join(", ")}; the agent's secrets-allow lets files through`;
}
