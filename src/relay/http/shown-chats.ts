import type { Client } from "../access/index.js";
import { type ChatJson, chatJson } from "../chats/index.js";
import type { Activity } from "../exchange/index.js";
import type { Chat } from "../store/index.js";
import type { HttpContext } from "./context.js";

/** So many workspaces are asked about at a time: their agents may be at other relays. */
const QUESTIONS_AT_ONCE = 200;

/** What is known of chats beside what the store has of them, by workspace. */
export type Activities = ReadonlyMap<string, Activity>;

/** Asks what is known of chats, each workspace once. */
export async function activitiesOf(
  { activity }: Pick<HttpContext, "activity">,
  chats: readonly Chat[],
): Promise<Activities> {
  const byWorkspace = new Map<string, string[]>();
  for (const { workspace, id } of chats) {
    if (workspace === undefined) continue;
    const ids = byWorkspace.get(workspace);
    if (ids === undefined) byWorkspace.set(workspace, [id]);
    else ids.push(id);
  }
  const known = new Map<string, Activity>();
  const left = [...byWorkspace];
  while (left.length > 0) {
    const asked = left.splice(0, QUESTIONS_AT_ONCE).map(async ([workspace, ids]) => {
      known.set(workspace, await activity(workspace, ids));
    });
    await Promise.all(asked);
  }
  return known;
}

/**
 * A chat as it is now.
 *
 * @param client who asks: whose token is bound to another workspace is told nothing of the chat's trees
 */
export function showChat(known: Activities, chat: Chat, client: Pick<Client, "workspace">): ChatJson {
  const { workspace, id } = chat;
  const activity = workspace === undefined ? undefined : known.get(workspace);
  const seesTrees = client.workspace === undefined || client.workspace === workspace;
  const trees = (seesTrees ? activity?.counts.get(id) : undefined) ?? [];
  return chatJson(chat, { hasAgent: activity?.hasAgent === true, trees });
}
