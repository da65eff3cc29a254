import type { RelayMessage } from "../../../src/protocol/index.js";
import type { AgentLink, Workspace } from "../../../src/relay/hub/index.js";

/** Attaches an agent that has looked as soon as it is asked to. @returns its link */
export function attachAnswering(workspace: Workspace): AgentLink {
  const link: AgentLink = {
    send(message: RelayMessage) {
      if (message.type !== "refresh") return;
      workspace.receive(link, { type: "refreshed", id: message.id, scanned_at: new Date().toISOString() });
    },
    refuse(error: Error) {
      throw error;
    },
  };
  workspace.attach(link);
  return link;
}
