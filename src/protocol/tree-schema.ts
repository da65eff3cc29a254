import * as z from "zod";
import { boundedArray } from "./bounded-array.js";
import { comparedShape } from "./comparison/comparison-schema.js";
import { MAX_FILTER_NAME_UNITS, MAX_META_TEXT_UNITS, MAX_RULE_NAME_UNITS } from "./limits.js";
import type { TreeFile, TreeMeta } from "./tree.js";

const count = z.int().nonnegative();
const metaText = z.string().max(MAX_META_TEXT_UNITS);

/** The longest root, in UTF-16 units. */
const MAX_ROOT_UNITS = 4096;

/** Checks a tree's root: an absolute path. */
export const rootSchema = z.string().startsWith("/").max(MAX_ROOT_UNITS);

/** Checks one {@link TreeFile}. */
export const treeFileSchema = z.object({
  key: z.string().min(3),
  path: z.string(),
  header: z.string(),
  hunks: z.string(),
  additions: count,
  deletions: count,
  omitted_bytes: count,
  omitted_files: z.int().positive().exactOptional(),
  filter_not_run: z.string().min(1).max(MAX_FILTER_NAME_UNITS).exactOptional(),
  withheld: z.enum(["path", "shape", "time"]).exactOptional(),
  withheld_rule: z.string().min(1).max(MAX_RULE_NAME_UNITS).exactOptional(),
  masked: z.int().positive().exactOptional(),
  committed: z.boolean().exactOptional(),
}) satisfies z.ZodType<TreeFile>;

/** Checks a {@link TreeMeta}. */
export const treeMetaSchema = z.object({
  head: z.string().max(64),
  branch: metaText,
  remote_origin: metaText,
  scanned_at: z.iso.datetime(),
  health: metaText,
  too_large_bytes: count,
  ...comparedShape,
}) satisfies z.ZodType<TreeMeta>;

/** Whether a value is what a field may have. */
export type Check = (value: unknown) => boolean;

interface Field {
  readonly check: Check;
  readonly isRequired: boolean;
}

/** The fields that an object may have, by name. */
export interface Fields {
  readonly byName: ReadonlyMap<string, Field>;
  /** How many it has to have. */
  readonly required: number;
}

/** The names of the fields that every object of a type has. */
type RequiredNames<T> = { [Name in keyof T]-?: object extends Pick<T, Name> ? never : Name }[keyof T];

/** Any string. */
export const isText: Check = (value) => typeof value === "string";
/** `true` or `false`. */
export const isBoolean: Check = (value) => typeof value === "boolean";
/** A whole number from 0. */
export const isCount: Check = (value) => Number.isSafeInteger(value) && Number(value) >= 0;
/** A whole number from 1. */
export const isPositive: Check = (value) => Number.isSafeInteger(value) && Number(value) > 0;
/** A string. @param min its length at least, in UTF-16 units @param max at most */
export const isTextOf =
  (min: number, max: number): Check =>
  (value) =>
    typeof value === "string" && value.length >= min && value.length <= max;

/** The same as {@link rootSchema} says. */
export const isRoot: Check = (value) =>
  typeof value === "string" && value.startsWith("/") && value.length <= MAX_ROOT_UNITS;

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

/**
 * Whether a value is a file of no other fields than the protocol's, so that its schema would make an equal one of it. Said in a
 * fraction of the time that the schema takes.
 */
export const isPlainFile: Check = (value) => has(value, FILE);

/** Checks a list of files, of which nearly all are plain. @param max how many it may have */
export const treeFilesSchema = (max: number) => boundedArray(treeFileSchema, max, isPlainFile);

/** Whether a value is an object with these fields, and no others. */
export function has(value: unknown, { byName, required }: Fields): boolean {
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

/** @param required how each field that has to be there is checked @param optional those that may be there */
export function fieldsOf<T>(
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
