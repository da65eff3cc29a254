import type { AgentMessage } from "../../protocol/index.js";
import { messageOf, TreewireError } from "../../util/index.js";

/** A passing failure, as the tunnel words it. */
export interface Trouble {
  /** Of the registry of errors. */
  code: string;
  message: string;
}

/** Whatever was thrown, in the tunnel's words. @param subject the tree or path that it was about */
export function describe(error: unknown, subject: string): Trouble {
  const known =
    error instanceof TreewireError
      ? error
      : new TreewireError("TW_TREE_UNREADABLE", subject, { detail: messageOf(error), cause: error });
  return { code: known.code, message: known.message };
}

/** The message about a failure that leaves the last good state standing. */
export function troubleMessage(trouble: Trouble, about: { root?: string; chat?: string }): AgentMessage {
  return {
    type: "trouble",
    root: about.root ?? null,
    chat: about.chat ?? null,
    code: trouble.code.slice(0, 100),
    message: trouble.message.slice(0, 1000),
  };
}
