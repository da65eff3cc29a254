import type { CommitEntry, ComparisonMeta } from "./comparison/comparison.js";
import type { DeltaServerMessage, DeltaTree, FileEdit } from "./delta.js";
import {
  MAX_COMMIT_TEXT_UNITS,
  MAX_FILTER_NAME_UNITS,
  MAX_LISTED_COMMITS,
  MAX_META_TEXT_UNITS,
  MAX_RULE_NAME_UNITS,
} from "./limits.js";
import type { TreeFile, TreeMeta, Withheld } from "./tree.js";

/**
 * Reads one frame of a delta socket, without zod, which a browser would have to load for it. Takes what
 * `deltaServerMessageSchema` takes, and makes of it what that makes: fields that the protocol does not know are left out.
 *
 * @param text the frame, JSON
 * @returns `undefined` for what the protocol does not know. Never throws
 */
export function readDeltaMessage(text: string): DeltaServerMessage | undefined {
  try {
    return message(fields(JSON.parse(text)));
  } catch {
    return undefined; // no JSON, or not of this shape: one outcome for both
  }
}

type Fields = Readonly<Record<string, unknown>>;

function message(of: Fields): DeltaServerMessage {
  switch (of.type) {
    case "trees":
      return { type: of.type, roots: list(of.roots, root) };
    case "tree":
      return tree(of);
    case "checked": {
      if (of.stale !== undefined && of.stale !== true) return refuse();
      return {
        type: of.type,
        scanned_at: time(of.scanned_at),
        ...(of.stale === true && { stale: true }),
        ...(of.next_ms !== undefined && { next_ms: integer(of.next_ms, 1) }),
        ...answers(of),
      };
    }
    case "error":
      return { type: of.type, message: text(of.message), ...answers(of) };
    default:
      return refuse();
  }
}

function answers(of: Fields): { answers?: string[] } {
  return of.answers === undefined ? {} : { answers: list(of.answers, text) };
}

function tree(of: Fields): DeltaTree {
  return {
    type: "tree",
    root: root(of.root),
    epoch: text(of.epoch),
    seq: integer(of.seq, 1),
    base: of.base === null ? null : integer(of.base, 1),
    meta: meta(fields(of.meta)),
    upserts: list(of.upserts, file),
    edits: list(of.edits, edit),
    removes: list(of.removes, text),
  };
}

function meta(of: Fields): TreeMeta {
  return {
    head: text(of.head, 0, 64),
    branch: text(of.branch, 0, MAX_META_TEXT_UNITS),
    remote_origin: text(of.remote_origin, 0, MAX_META_TEXT_UNITS),
    scanned_at: time(of.scanned_at),
    health: text(of.health, 0, MAX_META_TEXT_UNITS),
    too_large_bytes: integer(of.too_large_bytes),
    ...("compare" in of && { compare: comparison(fields(of.compare)) }),
    ...("commits" in of && { commits: list(of.commits, commit, MAX_LISTED_COMMITS) }),
    ...("commits_truncated" in of && { commits_truncated: truth(of.commits_truncated) }),
  };
}

function comparison(of: Fields): ComparisonMeta {
  const { kind } = of;
  return {
    kind: kind === "head" || kind === "base" || kind === "ref" || kind === "commit" ? kind : refuse(),
    base_ref: text(of.base_ref, 0, MAX_META_TEXT_UNITS),
    base_oid: text(of.base_oid, 0, 64),
    ahead: integer(of.ahead),
    behind: integer(of.behind),
    ...("reason" in of && { reason: text(of.reason, 0, MAX_META_TEXT_UNITS) }),
  };
}

function commit(value: unknown): CommitEntry {
  const of = fields(value);
  const author = fields(of.author);
  const words = (value: unknown): string => text(value, 0, MAX_COMMIT_TEXT_UNITS);
  return {
    oid: text(of.oid, 0, 64),
    parents: list(of.parents, (parent) => text(parent, 0, 64), MAX_LISTED_COMMITS),
    subject: words(of.subject),
    body: words(of.body),
    author: { name: words(author.name), email: words(author.email), at: time(author.at) },
    ...("files" in of && { files: integer(of.files) }),
    ...("additions" in of && { additions: integer(of.additions) }),
    ...("deletions" in of && { deletions: integer(of.deletions) }),
  };
}

function file(value: unknown): TreeFile {
  const of = fields(value);
  return {
    key: text(of.key, 3),
    path: text(of.path),
    header: text(of.header),
    hunks: text(of.hunks),
    additions: integer(of.additions),
    deletions: integer(of.deletions),
    omitted_bytes: integer(of.omitted_bytes),
    ...("omitted_files" in of && { omitted_files: integer(of.omitted_files, 1) }),
    ...(of.filter_not_run !== undefined && { filter_not_run: text(of.filter_not_run, 1, MAX_FILTER_NAME_UNITS) }),
    ...("withheld" in of && { withheld: withheld(of.withheld) }),
    ...("withheld_rule" in of && { withheld_rule: text(of.withheld_rule, 1, MAX_RULE_NAME_UNITS) }),
    ...("masked" in of && { masked: integer(of.masked, 1) }),
    ...("committed" in of && { committed: truth(of.committed) }),
  };
}

function withheld(value: unknown): Withheld {
  return value === "path" || value === "shape" || value === "time" ? value : refuse();
}

function edit(value: unknown): FileEdit {
  const of = fields(value);
  return {
    key: text(of.key),
    header: text(of.header),
    additions: integer(of.additions),
    deletions: integer(of.deletions),
    start: integer(of.start),
    remove: integer(of.remove),
    insert: text(of.insert),
  };
}

function fields(value: unknown): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  return refuse();
}

function list<T>(value: unknown, read: (item: unknown) => T, max = Number.POSITIVE_INFINITY): T[] {
  return Array.isArray(value) && value.length <= max ? value.map((item) => read(item)) : refuse();
}

function truth(value: unknown): boolean {
  return typeof value === "boolean" ? value : refuse();
}

/** @param min @param max of UTF-16 code units */
function text(value: unknown, min = 0, max = Number.POSITIVE_INFINITY): string {
  return typeof value === "string" && value.length >= min && value.length <= max ? value : refuse();
}

function root(value: unknown): string {
  const path = text(value);
  return path.startsWith("/") ? path : refuse();
}

/** A whole number that JavaScript holds exactly. */
function integer(value: unknown, min = 0): number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= min ? value : refuse();
}

const DATE_AND_TIME = /^(\d{4})-(\d\d)-(\d\d)T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?Z$/;

/** RFC 3339 in UTC, on a day that the calendar has. */
function time(value: unknown): string {
  const whole = text(value);
  const [, year, month, day] = DATE_AND_TIME.exec(whole)?.map(Number) ?? [];
  if (year === undefined || month === undefined || day === undefined) return refuse();
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1];
  return days !== undefined && day >= 1 && day <= days ? whole : refuse();
}

function refuse(): never {
  throw new TypeError("not of the delta protocol");
}
