import type { CommitEntry, ComparisonMeta, TreeFile, TreeMeta } from "../../protocol/index.js";

/**
 * What values cost in memory, in bytes: the one estimate that all limits on what is held use. It is never under what the
 * process keeps and within a small factor above (test/relay/budgets/cost.test.ts builds the worst shapes and measures the
 * heap), so that a limit in bytes is one of memory and not of characters: an object without any text costs too.
 */

/** A string's header, its rounding, and its place in an array or object. */
const STRING_BYTES = 32;
/** V8 holds a string whose characters are all below U+0100 in half of that; here every one counts as if it had others. */
const UNIT_BYTES = 2;
/** A file's object, its places in lists, numbers beyond 2^31, and what is remembered of its length. */
const FILE_BYTES = 256;
/** A file without its hunks is in the list of such in the entry that clients are sent, as JSON, and has a line of its own. */
const OMITTED_BYTES = 192;
/**
 * A unit that stands in JSON beside the string itself: `\u0001` is six units, and each is two bytes when any other character
 * of the JSON is beyond U+00FF.
 */
const ESCAPED_UNIT_BYTES = 6 * UNIT_BYTES;
/** A tree's record, its state, its view and the entry of that, without any text. */
const TREE_BYTES = 2_048;
/** A commit in a list, its author, its list of parents, and the names of its fields in JSON. */
const COMMIT_BYTES = 1024;
/** One entry of a map of what changed. */
const CHANGE_BYTES = 128;
/** A root in a chat's list of trees, and in the index of chats by root. */
const ROOT_BYTES = 320;
/** What one viewer remembers of one tree: which of its states it has been sent. */
const MARK_BYTES = 128;
/** A failure that is kept for viewers to come. */
const TROUBLE_BYTES = 192;
/** What another relay has said of a list of chats, or is being asked, without names and counts. */
const LIST_BYTES = 2_048;
/** A chat in it, with its own list of trees. */
const LISTED_CHAT_BYTES = 128;
/** What one tree adds up to, in numbers. */
const LISTED_TREE_BYTES = 160;

/** A text. The empty one is the same object everywhere. */
export function textBytes(text: string): number {
  return text === "" ? 0 : STRING_BYTES + UNIT_BYTES * text.length;
}

/** A file of a tree. */
export function fileBytes({ key, path, header, hunks, omitted_bytes }: TreeFile): number {
  const texts = textBytes(key) + textBytes(path) + textBytes(header) + textBytes(hunks);
  return FILE_BYTES + texts + (omitted_bytes > 0 ? OMITTED_BYTES + ESCAPED_UNIT_BYTES * path.length : 0);
}

/** A key in a list of files that go. */
export function removedKeyBytes(key: string): number {
  return STRING_BYTES + textBytes(key);
}

/** A slice of a file's texts, held beside the others until the file is whole. */
export function sliceBytes(text: string): number {
  return text === "" ? 0 : STRING_BYTES + textBytes(text);
}

/** A tree without its files. @param meta none: of which no state has come */
export function treeBytes(root: string, meta?: TreeMeta): number {
  const texts =
    root.length + (meta === undefined ? 0 : meta.branch.length + meta.remote_origin.length + meta.health.length);
  const bytes = TREE_BYTES + (2 * UNIT_BYTES + ESCAPED_UNIT_BYTES) * texts + UNIT_BYTES * (meta?.head.length ?? 0);
  return bytes + (meta?.compare === undefined ? 0 : comparedBytes(meta.compare, meta.commits ?? []));
}

/** What a tree is compared with, and the commits of that. */
function comparedBytes({ base_ref, reason = "" }: ComparisonMeta, commits: readonly CommitEntry[]): number {
  let bytes = COMMIT_BYTES + (2 * UNIT_BYTES + ESCAPED_UNIT_BYTES) * (base_ref.length + reason.length);
  for (const { oid, parents, subject, body, author } of commits) {
    const texts = [oid, ...parents, subject, body, author.name, author.email, author.at];
    bytes += COMMIT_BYTES + STRING_BYTES * texts.length;
    for (const { length } of texts) bytes += (2 * UNIT_BYTES + ESCAPED_UNIT_BYTES) * length;
  }
  return bytes;
}

/** One change of a state. @param key of a file that goes; `undefined` when the file is there, and counted with the others */
export function changeBytes(key: string | undefined): number {
  return CHANGE_BYTES + (key === undefined ? 0 : textBytes(key));
}

/** A tree in a list of roots. */
export function rootBytes(root: string): number {
  return ROOT_BYTES + textBytes(root);
}

/** What a chat's viewers remember of what they were sent. @param trees how many the chat has */
export function marksBytes(viewers: number, trees: number): number {
  return MARK_BYTES * viewers * trees;
}

/** A failure of a tree, or of a chat as a whole. @param root "" for the chat */
export function troubleBytes(root: string, message: string): number {
  return TROUBLE_BYTES + textBytes(root) + textBytes(message);
}

/**
 * What another relay has said of a list of chats.
 *
 * @param name what it is found by, which has the ids of all chats: the question has them once more
 * @param counts by chat; none while it is being asked
 */
export function listBytes(name: string, counts?: ReadonlyMap<string, readonly { root: string }[]>): number {
  let bytes = LIST_BYTES + 2 * textBytes(name);
  for (const trees of counts?.values() ?? []) {
    bytes += LISTED_CHAT_BYTES;
    for (const { root } of trees) bytes += LISTED_TREE_BYTES + textBytes(root);
  }
  return bytes;
}
