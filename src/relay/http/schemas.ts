import { z } from "zod";
import { errorBodySchema } from "../../protocol/index.js";

/** The error body for each of these statuses, and for the ones that any route may answer with. */
export function errorResponses(...statuses: number[]): Record<number, typeof errorBodySchema> {
  return Object.fromEntries([...statuses, 429, 500, 503].map((status) => [status, errorBodySchema]));
}

/** A chat as docs/protocol.md has it. */
export const chatSchema = z.object({
  id: z.string(),
  owner_id: z.string().nullable(),
  workspace_id: z.string().nullable(),
  parent_chat_id: z.string().nullable(),
  archived: z.boolean(),
  created_at: z.iso.datetime(),
  updated_at: z.iso.datetime(),
});
