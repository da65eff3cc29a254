import { z } from "zod";
import { MAX_FILTER_NAME_UNITS, MAX_META_TEXT_UNITS, MAX_PART_ELEMENTS, MAX_RULE_NAME_UNITS } from "./limits.js";
import type { TreeFile, TreeMeta } from "./tree.js";
import type { TreeMessage } from "./tunnel.js";

type Check = (value: unknown) => boolean;

interface Field {
  readonly check: Check;
  readonly isRequired: boolean;
}

/** The fields that an object may have, by name. */
interface Fields {
  readonly byName: ReadonlyMap<string, Field>;
  /** How many it has to have. */
  readonly required: number;
}

/** The names of the fields that every object of a type has. */
type RequiredNames<T> = { [Name in keyof T]-?: object extends Pick<T, Name> ? never : Name }[keyof T];

const isText: Check = (value) => typeof value === "string";
const isBoolean: Check = (value) => typeof value === "boolean";
const isCount: Check = (value) => Number.isSafeInteger(value) && Number(value) >= 0;
const isPositive: Check = (value) => Number.isSafeInteger(value) && Number(value) > 0;
const isTextOf =
  (min: number, max: number): Check =>
  (value) =>
    typeof value === "string" && value.length >= min && value.length <= max;

const TIME = z.regexes.datetime({});
const isTime: Check = (value) => typeof value === "string" && TIME.test(value);
const isMetaText = isTextOf(0, MAX_META_TEXT_UNITS);
const isWithheld: Check = (value) => value === "path" || value === "shape" || value === "time";

/** What has to be there, and what may be. */
const FILE = fieldsOf<TreeFile>(
  {
    key: isTextOf(3, Number.POSITIVE_INFINITY),
    path: isText,
    header: isText,
    hunks: isText,
    additions: isCount,
    deletions: isCount,
    omitted_bytes: isCount,
  },
  {
    omitted_files: isPositive,
    filter_not_run: isTextOf(1, MAX_FILTER_NAME_UNITS),
    withheld: isWithheld,
    withheld_rule: isTextOf(1, MAX_RULE_NAME_UNITS),
    masked: isPositive,
    committed: isBoolean,
  },
);

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
    root: (value) => typeof value === "string" && value.startsWith("/") && value.length <= 4096,
    epoch: isTextOf(8, 64),
    seq: isPositive,
    base: (value) => value === null || isPositive(value),
    meta: (value) => has(value, META),
    upserts: (value) => isListOf(value, (file) => has(file, FILE)),
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

function has(value: unknown, { byName, required }: Fields): boolean {
  if (typeof value !== "object" || value === null) return false;
  const object = value as Readonly<Record<string, unknown>>;
  let missing = required;
  for (const name in object) {
    const field = byName.get(name);
    if (field?.check(object[name]) !== true) return false;
    if (field.isRequired) missing -= 1;
  }
  return missing === 0;
}

/** Its length is looked at first, as the schema does it. */
function isListOf(value: unknown, check: Check): boolean {
  return Array.isArray(value) && value.length <= MAX_PART_ELEMENTS && value.every(check);
}

function fieldsOf<T>(
  required: { readonly [Name in RequiredNames<T>]: Check },
  optional: { readonly [Name in Exclude<keyof T, RequiredNames<T>>]?: Check },
): Fields {
  const byName = new Map<string, Field>();
  for (const [name, check] of Object.entries<Check>(required)) byName.set(name, { check, isRequired: true });
  for (const [name, check] of Object.entries<Check | undefined>(optional)) {
    if (check !== undefined) byName.set(name, { check, isRequired: false });
  }
  return { byName, required: Object.keys(required).length };
}
