import { randomBytes } from "node:crypto";
import { systemClock } from "../../util/index.js";
import { NatsBus, type NatsOptions } from "./bus/nats-bus.js";
import { BusExchange, type BusExchangeOptions } from "./bus-exchange.js";
import type { Exchange } from "./exchange.js";

/**
 * Joins the relays at a NATS server. To be imported only where that is asked for: NATS's library comes with it.
 *
 * @throws what the library throws when no server is there
 */
export async function natsExchange(
  options: NatsOptions,
  ofRelay: Pick<BusExchangeOptions, "here" | "onRefused">,
): Promise<Exchange> {
  const relay = randomBytes(8).toString("hex"); // another one for each start: nobody takes it for the one before
  const bus = await NatsBus.connect(options, relay);
  return new BusExchange({ bus, relay, clock: systemClock, ...ofRelay });
}
