import { NobodyListensError, NoReplyError } from "../bus/bus.js";
import type { Generation } from "../bus/messages.js";
import type { Wire } from "../bus/wire.js";

/** An agent's welcome waits no longer than this for other relays, in milliseconds. */
const TAKE_MS = 1_000;
/** How often a greater generation is taken when another home has that. More would be two agents that never stop coming. */
const MAX_TRIES = 3;

/** What takes a workspace over. */
export interface Claim {
  readonly generation: Generation;
  /** Another one has taken it meanwhile. */
  readonly isOver: boolean;
  /** Takes a generation above another home's. */
  raiseAbove(other: Generation): void;
}

/**
 * Has whoever is a workspace's home give it up, since its agent has come to this relay. Ends when that is so, when nobody is,
 * and at the latest after about a second: an agent's stream does not hang on other relays. Two homes that have not heard each
 * other find that out later, and the one with the lower generation gives up.
 */
export async function takeOver(wire: Wire, workspace: string, claim: Claim): Promise<void> {
  for (let tries = 0; tries < MAX_TRIES && !claim.isOver && wire.isConnected; tries += 1) {
    try {
      const answer = await wire.take(workspace, { type: "take", ...claim.generation }, TAKE_MS);
      if (answer?.type !== "held") return;
      claim.raiseAbove(answer);
    } catch (thrown) {
      if (thrown instanceof NobodyListensError || thrown instanceof NoReplyError) return;
      throw thrown;
    }
  }
}
