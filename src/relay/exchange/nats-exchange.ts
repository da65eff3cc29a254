import { randomBytes } from "node:crypto";
import { type Logger, systemClock } from "../../util/index.js";
import type { NatsOptions } from "../nats-connection.js";
import { NatsBus } from "./bus/nats-bus.js";
import { BusExchange, type BusExchangeOptions } from "./bus-exchange.js";
import type { Exchange } from "./exchange.js";

/**
 * Joins the relays at a NATS server. To be imported only where that is asked for: NATS's library comes with it.
 *
 * @throws TreewireError as connecting does
 */
export async function natsExchange(
  options: NatsOptions,
  { log, ...ofRelay }: Pick<BusExchangeOptions, "here" | "onRefused"> & { log: Logger },
): Promise<Exchange> {
  const start = randomBytes(8).toString("hex"); // another one each time: nobody takes it for the one before
  const relay = options.relayId === undefined ? start : `${options.relayId}-${start}`;
  const bus = await NatsBus.connect(options, relay, log);
  return new BusExchange({ bus, relay, clock: systemClock, ...ofRelay });
}
