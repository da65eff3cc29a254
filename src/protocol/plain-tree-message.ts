import * as z from "zod";
import { MAX_META_TEXT_UNITS, MAX_PART_ELEMENTS } from "./limits.js";
import type { TreeMeta } from "./tree.js";
import {
  type Check,
  fieldsOf,
  has,
  isBoolean,
  isCount,
  isPlainFile,
  isPositive,
  isRoot,
  isText,
  isTextOf,
} from "./tree-schema.js";
import type { TreeMessage } from "./tunnel.js";

const TIME = z.regexes.datetime({});
const isTime: Check = (value) => typeof value === "string" && TIME.test(value);
const isMetaText = isTextOf(0, MAX_META_TEXT_UNITS);

const META = fieldsOf<TreeMeta>(
  {
    head: isTextOf(0, 64),
    branch: isMetaText,
    remote_origin: isMetaText,
    scanned_at: isTime,
    health: isMetaText,
    too_large_bytes: isCount,
  },
  {},
);

const MESSAGE = fieldsOf<TreeMessage>(
  {
    type: (value) => value === "tree",
    root: isRoot,
    epoch: isTextOf(8, 64),
    seq: isPositive,
    base: (value) => value === null || isPositive(value),
    meta: (value) => has(value, META),
    upserts: (value) => isListOf(value, isPlainFile),
    removes: (value) => isListOf(value, isText),
    more: isBoolean,
  },
  { part: isCount },
);

/**
 * Whether a value is a `tree` message as nearly all are: of no other fields than these, so that its schema would make an equal
 * one of it. Said in a fraction of the time that the schema takes, since every edit of every workspace is one; what is not such
 * a message may be one all the same, and is for the schema.
 *
 * @param value as `JSON.parse` made it
 */
export function isPlainTreeMessage(value: unknown): value is TreeMessage {
  return has(value, MESSAGE);
}

/** Its length is looked at first, as the schema does it. */
function isListOf(value: unknown, check: Check): boolean {
  return Array.isArray(value) && value.length <= MAX_PART_ELEMENTS && value.every(check);
}
