import { z } from "zod";
import type { TreeCount } from "../hub/index.js";
import type { Chat } from "../store/index.js";
import { NIL_ID, ownerId } from "./owner-id.js";

const id = z.guid();

/** Coder's SDK reads these into 32 bits. */
const MAX_COUNT = 2 ** 31 - 1;
/** So many trees are counted one by one; all of them in their sum. */
const MAX_TREES = 100;

const count = z.int().min(0).max(MAX_COUNT);

/** A list of what the relay has none of. An empty tuple would be no schema of OpenAPI. */
const noneSchema = z.array(z.never()).max(0);

/** What a diff adds up to, as Coder's API has it. What is of pull requests is there for its clients, and says that there is none. */
const diffStatusSchema = z.object({
  chat_id: id,
  pull_request_title: z.literal(""),
  pull_request_draft: z.literal(false),
  changes_requested: z.literal(false),
  additions: count,
  deletions: count,
  changed_files: count,
  refreshed_at: z.iso.datetime(),
});

/** A chat as Coder's API has it (docs/protocol.md, "A chat"). What stands for things that the relay has not is always the same. */
export const chatSchema = z.object({
  id,
  organization_id: id,
  owner_id: id,
  owner_name: z.string().exactOptional(),
  workspace_id: id.nullable(),
  parent_chat_id: id.nullable(),
  last_model_config_id: id,
  title: z.string(),
  status: z.enum(["running", "waiting"]),
  last_turn_summary: z.null(),
  summary: z.null(),
  diff_status: diffStatusSchema.exactOptional(),
  diff_statuses: z.array(diffStatusSchema.extend({ repo_root: z.string() })),
  created_at: z.iso.datetime(),
  updated_at: z.iso.datetime(),
  archived: z.boolean(),
  shared: z.literal(false),
  pin_order: z.literal(0),
  mcp_server_ids: noneSchema,
  labels: z.record(z.string(), z.string()),
  has_unread: z.literal(false),
  client_type: z.literal("api"),
  children: noneSchema,
});

/** A chat as its clients read it. */
export type ChatJson = z.infer<typeof chatSchema>;

/** What is true of a chat at the moment, beside what the store has of it. */
export interface ChatActivity {
  /** Whether its workspace's agent is connected. */
  hasAgent: boolean;
  /** Of each of its trees of which anything is known. */
  trees: readonly TreeCount[];
}

/** A chat as Coder's API has it. */
export function chatJson(chat: Chat, { hasAgent, trees }: ChatActivity): ChatJson {
  const diffs = trees.slice(0, MAX_TREES).map((tree) => ({ ...diffStatus(chat.id, [tree]), repo_root: tree.root }));
  return {
    id: chat.id,
    organization_id: NIL_ID,
    owner_id: ownerId(chat.owner),
    ...(chat.owner !== undefined && { owner_name: chat.owner }),
    workspace_id: chat.workspace ?? null,
    parent_chat_id: chat.parent ?? null,
    last_model_config_id: NIL_ID,
    title: chat.title,
    status: hasAgent && !chat.archived ? "running" : "waiting",
    last_turn_summary: null,
    summary: null,
    ...(trees.length > 0 && { diff_status: diffStatus(chat.id, trees) }),
    diff_statuses: diffs,
    created_at: chat.createdAt.toISOString(),
    updated_at: chat.updatedAt.toISOString(),
    archived: chat.archived,
    shared: false,
    pin_order: 0,
    mcp_server_ids: [],
    labels: { ...chat.labels },
    has_unread: false,
    client_type: "api",
    children: [],
  };
}

/** @param trees one at least: what they add up to is as old as the oldest of them */
function diffStatus(chatId: string, trees: readonly TreeCount[]): z.infer<typeof diffStatusSchema> {
  const sum = (of: (tree: TreeCount) => number) =>
    trees.reduce((total, tree) => Math.min(MAX_COUNT, total + of(tree)), 0);
  return {
    chat_id: chatId,
    pull_request_title: "",
    pull_request_draft: false,
    changes_requested: false,
    additions: sum(({ additions }) => additions),
    deletions: sum(({ deletions }) => deletions),
    changed_files: sum(({ changedFiles }) => changedFiles),
    refreshed_at: new Date(Math.min(...trees.map(({ scannedAt }) => scannedAt))).toISOString(),
  };
}
