import { Counter, Gauge, type Registry } from "prom-client";
import type { Exchange } from "./exchange/index.js";

/** What goes on between relays, asked for when a scrape comes. docs/operating.md lists the names. */
export function observeExchange(registry: Registry, exchange: Pick<Exchange, "counts" | "isConnected">): void {
  const registers = [registry];
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name: `treewire_${name}`,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  const counter = (name: string, help: string, read: () => number) =>
    new Counter({
      name: `treewire_exchange_${name}_total`,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  gauge("nats_connected", "1 while other relays can be reached", () => (exchange.isConnected ? 1 : 0));
  gauge("exchange_hosted", "Workspaces whose agents are here, for all relays", () => exchange.counts.hosted);
  gauge("exchange_followed", "Workspaces that are watched here while others host them", () => exchange.counts.followed);
  counter("gaps", "Times that something of another relay's log was missing", () => exchange.counts.gaps);
  counter("syncs", "Times that another relay was asked for all that is true", () => exchange.counts.syncs);
  counter("homes_lost", "Times that a relay that was followed was there no more", () => exchange.counts.homesLost);
}
