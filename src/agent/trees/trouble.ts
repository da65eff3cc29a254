import type { AgentMessage } from "../../protocol/index.js";
import { isSystemError, type Logger, messageOf, TreewireError } from "../../util/index.js";

/** A passing failure, as the tunnel words it. */
export interface Trouble {
  /** Of the registry of errors. */
  code: string;
  message: string;
  /** What was thrown, where nobody foresaw that: its stack belongs into the log. */
  unforeseen?: unknown;
}

/** Whatever was thrown, in the tunnel's words. @param subject the tree or path that it was about */
export function describe(error: unknown, subject: string): Trouble {
  if (error instanceof TreewireError) return { code: error.code, message: error.message };
  const { code, message } = new TreewireError("TW_TREE_UNREADABLE", subject, { detail: messageOf(error) });
  return isSystemError(error) ? { code, message } : { code, message, unforeseen: error };
}

/** Logs a failure: with the stack of what nobody foresaw. @param about the tree, path or chat, as fields */
export function logTrouble(logger: Logger, { code, message, unforeseen }: Trouble, about: object): void {
  logger.warn({ ...about, code, ...(unforeseen !== undefined && { err: unforeseen }) }, message);
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
