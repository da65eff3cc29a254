/** The budgets, each by the option that sets it (limit-options.ts). */
export const BUDGETS = [
  "workspace-bytes",
  "workspace-trees",
  "workspace-files",
  "workspace-rows",
  "max-tree-bytes",
] as const;
export type BudgetName = (typeof BUDGETS)[number];

/** An agent breaks a limit of the tunnel: its socket is closed. */
export class TunnelLimitError extends Error {
  /** For the close frame: at most 123 bytes. */
  readonly reason: string;
  /** The close code by which the agent hears of it. */
  readonly close: "tooLarge" | "protocolError" = "tooLarge";

  /** @param message for the log @param reason for the agent, when the message is too long for that */
  constructor(message: string, reason = message) {
    super(message);
    this.reason = reason;
  }
}

/** A workspace holds more than it may. */
export class BudgetExceededError extends TunnelLimitError {
  readonly budget: BudgetName;

  constructor(budget: BudgetName) {
    super(`over --${budget}`);
    this.budget = budget;
  }
}

/** Parts of an update come in an order that makes no sense. */
export class PartOrderError extends TunnelLimitError {
  override readonly close = "protocolError";
}
