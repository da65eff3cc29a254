import type { Activity, Here } from "./exchange.js";

/** What this relay knows by itself of chats of a workspace. */
export function activityHere(here: Here, workspace: string, chats: readonly string[]): Activity {
  const counts = new Map(chats.map((chat) => [chat, here.treeCounts(workspace, chat)]));
  return { hasAgent: here.agentState(workspace) === "connected", counts };
}
