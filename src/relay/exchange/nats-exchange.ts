import { randomBytes } from "node:crypto";
import { systemClock } from "../../util/index.js";
import type { AgentState } from "../hub/index.js";
import type { NatsOptions } from "../nats-connection.js";
import { NatsBus } from "./bus/nats-bus.js";
import { BusExchange } from "./bus-exchange.js";
import type { Exchange } from "./exchange.js";

/**
 * Joins the relays at a NATS server. To be imported only where that is asked for: NATS's library comes with it.
 *
 * @param stateHere the state of an agent as far as this relay knows
 * @throws TreewireError as connecting does
 */
export async function natsExchange(
  options: NatsOptions,
  stateHere: (workspace: string) => AgentState,
): Promise<Exchange> {
  const start = randomBytes(8).toString("hex"); // another one each time: nobody takes it for the one before
  const relay = options.relayId === undefined ? start : `${options.relayId}-${start}`;
  const bus = await NatsBus.connect(options, relay);
  return new BusExchange({ bus, relay, clock: systemClock, stateHere });
}
