import { readHunkHead } from "./rows.js";
import type { TextPlace } from "./settings.js";

/** Which version of a file a comment is about: what is there now, or what was removed. */
export type CommentSide = "old" | "new";

/** What a reader has to say of some lines. */
export interface Comment {
  id: string;
  /** Of the tree. */
  root: string;
  /** Of the file, as in the diff. */
  key: string;
  path: string;
  side: CommentSide;
  /** The numbers of the first and the last line, from 1. */
  from: number;
  to: number;
  /** The lines as they were. */
  code: string;
  /** There where both versions have the lines: they may be out of the diff without having changed. */
  isContext?: boolean;
  text: string;
}

/**
 * Where a comment's lines are now: `changed` when they are not in the diff as they were, `left-out` when they are lines that
 * the diff need not have, and has not.
 */
export type CommentPlace = { kind: "here"; from: number; to: number } | { kind: "changed" } | { kind: "left-out" };

/** The lines of one version that a diff shows, by their numbers. @param rows of one file (rows.ts) */
export function linesOf(rows: readonly string[], side: CommentSide): Map<number, string> {
  const lines = new Map<number, string>();
  let next = { old: 1, new: 1 };
  for (const row of rows) {
    const head = row.startsWith("@") ? readHunkHead(row) : undefined;
    if (head !== undefined) {
      next = { old: head.oldStart, new: head.newStart };
      continue;
    }
    const sign = row[0];
    const isOf = { old: sign === " " || sign === "-", new: sign === " " || sign === "+" };
    if (isOf[side]) lines.set(next[side], row.slice(1));
    if (isOf.old) next.old += 1;
    if (isOf.new) next.new += 1;
  }
  return lines;
}

/**
 * Where a comment stands in a newer diff: at the same lines when they are as they were, else where the same lines have moved
 * to, the nearest of them; it is never moved to others.
 */
export function placeOfComment({ side, from, to, code, isContext }: Comment, rows: readonly string[]): CommentPlace {
  const lines = linesOf(rows, side);
  const wanted = code.split("\n");
  const isAt = (start: number) => wanted.every((line, at) => lines.get(start + at) === line);
  const starts = [...lines.keys()].filter((start) => isAt(start));
  const nearest = starts.sort((a, b) => Math.abs(a - from) - Math.abs(b - from))[0];
  if (nearest !== undefined) return { kind: "here", from: nearest, to: nearest + to - from };
  const isLeftOut = isContext === true && wanted.every((_, at) => !lines.has(from + at));
  return { kind: isLeftOut ? "left-out" : "changed" };
}

/** All comments as one text that a person or a coding agent can work through. */
export function promptOf(comments: readonly Comment[]): string {
  return comments
    .map(({ path, side, from, to, code, text }) => {
      const lines = from === to ? `${from}` : `${from}-${to}`;
      const quoted = code.split("\n").map((line) => `> ${line}`);
      return [`${path}:${lines}${side === "old" ? " (removed lines)" : ""}`, ...quoted, "", text].join("\n");
    })
    .join("\n\n");
}

/** The comments of one chat, kept by the browser until they are deleted. */
export class Comments {
  readonly #place: TextPlace;
  readonly #name: string;
  #all: Comment[];

  constructor(place: TextPlace, chat: string) {
    this.#place = place;
    this.#name = `treewire.comments.${chat}`;
    this.#all = this.#load();
  }

  get all(): readonly Comment[] {
    return this.#all;
  }

  /** Those of a file, whether it was tracked or untracked when they were made. */
  of(root: string, key: string): Comment[] {
    const bytes = pathOf(key);
    return this.#all.filter((comment) => comment.root === root && pathOf(comment.key) === bytes);
  }

  add(comment: Comment): void {
    this.#all = [...this.#all, comment];
    this.#save();
  }

  delete(id: string): void {
    this.#all = this.#all.filter((comment) => comment.id !== id);
    this.#save();
  }

  #load(): Comment[] {
    try {
      const kept: unknown = JSON.parse(this.#place.getItem(this.#name) ?? "[]");
      return Array.isArray(kept) ? kept.filter(isComment) : [];
    } catch {
      return []; // written by something else, or forbidden
    }
  }

  #save(): void {
    try {
      this.#place.setItem(this.#name, JSON.stringify(this.#all));
    } catch {
      // full, or forbidden: they stay until the page is closed
    }
  }
}

/** The path in a key, as the key has it. */
function pathOf(key: string): string {
  return key.replace(/^\d*[tu]:/, "");
}

function isComment(value: unknown): value is Comment {
  if (typeof value !== "object" || value === null) return false;
  const { from, to, side, ...texts } = value as Record<string, unknown>;
  const isText = ["id", "root", "key", "path", "code", "text"].every((name) => typeof texts[name] === "string");
  return isText && Number.isInteger(from) && Number.isInteger(to) && (side === "old" || side === "new");
}
