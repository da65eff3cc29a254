/**
 * A part of the way to a relay, in the order in which a connection takes them: the name is looked up, an address that a
 * packet reaches, a port that somebody listens on, TLS, the HTTP proxy in between, the answer to the upgrade, the relay's
 * welcome; `open` is everything after that.
 */
export type LinkStep = "name" | "address" | "port" | "tls" | "proxy" | "upgrade" | "welcome" | "open";

/** Why a connection to a relay did not come to be, or ended. */
export interface LinkFailure {
  /** Where on the way it failed. */
  step: LinkStep;
  /** For people: one line, without secrets. */
  why: string;
  /** The relay itself has said so, and says the same to whoever asks again: its own refusal, or its "do not come back". */
  isFinal: boolean;
  /** The relay itself is there, and waits for the workspace's agent. */
  isAgentAway?: boolean;
  /** HTTP's, when the upgrade was answered with another one than 101. */
  status?: number;
  /** How long whoever answered wants to be left alone, in milliseconds. */
  retryAfterMs?: number;
}
