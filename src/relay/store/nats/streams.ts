import type { StreamConfig } from "@nats-io/jetstream";
import { MAX_STATE_AGE_MS } from "../packed-state.js";

/** Tokens, chats and all that a write of them may depend on: a batch that is written whole or not at all has one stream. */
export const RECORD_STREAM = "TW_RECORD";

/** Where each change of a record is told, without its content: the rest of the subject is the record's. */
export const CHANGE_PREFIX = "tw1.chg";

/** The bytes of files, in pieces. */
export const BLOB_STREAM = "TW_BLOB";

/** The last states of trees. */
export const TREE_STREAM = "TW_TREE";

/** Which repositories chats showed. */
export const ROOTS_STREAM = "TW_ROOTS";

/** What is written here shows that records are taken. */
export const PROBE_SUBJECT = "rec.probe";

const NANOS_PER_MS = 1_000_000;

/** The streams that relays share. @param replicas how many of NATS's servers keep each message */
export function streamsOf(replicas: number): (Partial<StreamConfig> & { name: string })[] {
  const common = { num_replicas: replicas, max_msgs_per_subject: 1, allow_direct: true };
  return [
    {
      ...common,
      name: RECORD_STREAM,
      subjects: ["rec.>"],
      allow_atomic: true,
      allow_msg_ttl: true,
      republish: { src: "rec.>", dest: `${CHANGE_PREFIX}.>`, headers_only: true },
    },
    { ...common, name: BLOB_STREAM, subjects: ["blob.>"] },
    {
      ...common,
      name: TREE_STREAM,
      subjects: ["tree.>"],
      allow_msg_ttl: true,
      max_age: MAX_STATE_AGE_MS * NANOS_PER_MS,
    },
    { ...common, name: ROOTS_STREAM, subjects: ["roots.>"], allow_msg_ttl: true },
  ];
}
