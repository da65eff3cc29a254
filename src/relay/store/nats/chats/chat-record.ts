import { z } from "zod";
import type { Chat } from "../../records.js";
import { recordSubjects } from "../subjects.js";
import type { Transaction } from "../transaction.js";

/** A chat as it is kept. */
export const chatSchema = z.object({
  id: z.string(),
  owner: z.string().optional(),
  workspace: z.string().optional(),
  paths: z.array(z.string()),
  base: z.string(),
  parent: z.string().optional(),
  title: z.string(),
  labels: z.record(z.string(), z.string()),
  archived: z.boolean(),
  /** Milliseconds since 1970. */
  createdAt: z.number(),
  /** Of those that were made in the same millisecond, the greater one is the later one. */
  order: z.number(),
  updatedAt: z.number(),
  /** How many chats were ever bound below it: it is written with each of them. */
  children: z.int(),
});
export type ChatRecord = z.infer<typeof chatSchema>;

/** A chat, as callers see it. */
export function chatOf({ order, children, ...chat }: ChatRecord): Chat {
  return {
    id: chat.id,
    owner: chat.owner,
    workspace: chat.workspace,
    paths: chat.paths,
    base: chat.base,
    parent: chat.parent,
    title: chat.title,
    labels: chat.labels,
    archived: chat.archived,
    createdAt: new Date(chat.createdAt),
    updatedAt: new Date(chat.updatedAt),
  };
}

/** Reads a chat that a write depends on. */
export function chatIn(transaction: Transaction, id: string): Promise<ChatRecord | undefined> {
  return transaction.get(recordSubjects.chat(id), chatSchema);
}

export function putChat(transaction: Transaction, chat: ChatRecord): void {
  transaction.put(recordSubjects.chat(chat.id), chat);
}
