import { agentNotConnected } from "../answers.js";
import type { AgentState } from "../hub/index.js";
import type { Soon } from "../soon.js";
import type { Tokens } from "../store/index.js";
import type { Answer, Calling, Client, Watchable } from "./client.js";

/** Who may do what. */
export interface Authority {
  /** Whose token a request brings. */
  authenticate(calling: Calling): Promise<Answer<Client>>;
  /**
   * Whether the caller may watch the chat, whatever its agent does.
   *
   * @param prefix the route prefix that the client uses
   */
  watchable(client: Client, chatId: string, prefix: string): Promise<Answer<Watchable>>;
  /** Whether the client's token, which counted before, has not been revoked since. @returns as {@link Tokens.isLive} */
  isLive(client: Client): Soon<boolean>;
}

/**
 * Everything that has to hold before a watch socket opens: the chat, and an agent that is there.
 *
 * @param agentState of a chat's workspace; "connected" as well when the chat's last states will do
 */
export async function mayWatch(
  authority: Authority,
  agentState: (workspace: string, chat: string) => Soon<AgentState>,
  client: Client,
  chatId: string,
  prefix: string,
): Promise<Answer<Watchable>> {
  const watchable = await authority.watchable(client, chatId, prefix);
  if (watchable.refusal) return watchable;
  const { workspace, chat } = watchable.ok;
  const state = await agentState(workspace, chat.id);
  return state === "connected" ? watchable : { refusal: agentNotConnected(state) };
}
