import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { BUDGETS, type BudgetName } from "./budgets/exceeded.js";
import type { StoreHealth } from "./store/index.js";

export type FrameKind = "changes" | "error" | "delta";

/** Why something that was sent, or could have been, was not taken. */
export type DropReason = "bad_message" | "resync" | "rate_limited" | "refused_upgrade" | "slow_client" | "no_pong";

/** A label's values, each counted in a plain number: a frame is counted thousands of times a second, and scraped rarely. */
class Tally<L extends string> {
  readonly #counts = new Map<L, { count: number }>();

  constructor(registry: Registry, name: string, help: string, label: string) {
    const counts = this.#counts;
    new Counter({
      name: `treewire_${name}`,
      help,
      labelNames: [label],
      registers: [registry],
      collect() {
        this.reset();
        for (const [value, { count }] of counts) this.inc({ [label]: value }, count);
      },
    });
  }

  add(value: L, count = 1): void {
    const known = this.#counts.get(value);
    if (known === undefined) this.#counts.set(value, { count });
    else known.count += count;
  }
}

/** What there is at the moment a scrape asks. */
export interface Counts {
  sockets: number;
  tunnels: number;
  workspaces: number;
  chats: number;
  trees: number;
  treeBytes: number;
  /** The most that is used of each budget: 1 is all of it. */
  budgets: Readonly<Record<BudgetName, number>>;
}

/** What Prometheus scrapes. Names and labels are part of its interface: docs/operating.md lists them. */
export class Metrics {
  readonly registry = new Registry();
  readonly #frames: Tally<FrameKind>;
  readonly #bytes: Tally<FrameKind>;
  readonly #cut: Counter;
  readonly #delivery: Histogram;
  readonly #drops: Tally<DropReason>;
  readonly #requests: Counter<"method" | "status">;
  readonly #exceeded: Tally<BudgetName>;
  readonly #troubles: Counter;

  constructor(counts: () => Counts, health: Pick<StoreHealth, "state" | "errors">) {
    const registers = [this.registry];
    const gauge = (name: string, help: string, read: (now: Counts) => number) =>
      new Gauge({
        name: `treewire_${name}`,
        help,
        registers,
        collect() {
          this.set(read(counts()));
        },
      });
    gauge("watch_sockets", "Open watch sockets", ({ sockets }) => sockets);
    gauge("tunnels", "Connected agents", ({ tunnels }) => tunnels);
    gauge("workspaces", "Workspaces that are known in memory", ({ workspaces }) => workspaces);
    gauge("watched_chats", "Chats that are watched", ({ chats }) => chats);
    gauge("trees", "Trees whose state is held in memory", ({ trees }) => trees);
    gauge("tree_bytes", "What trees cost in memory, as estimated", ({ treeBytes }) => treeBytes);
    new Gauge({
      name: "treewire_workspace_budget_used_ratio",
      help: "How much of a budget is used, by the workspace that uses the most of it; max-tree-bytes: by all together",
      labelNames: ["budget"],
      registers,
      collect() {
        const { budgets } = counts();
        for (const budget of BUDGETS) this.set({ budget }, budgets[budget]);
      },
    });
    this.#exceeded = new Tally(this.registry, "budget_exceeded_total", "Tunnels closed for a budget", "budget");
    this.#troubles = new Counter({ name: "treewire_troubles_total", help: "Troubles that agents reported", registers });
    gauge("store_failing", "1 while the store takes no writes", () => (health.state.kind === "ok" ? 0 : 1));
    new Counter({
      name: "treewire_store_errors_total",
      help: "Reads and writes of the store that failed",
      labelNames: ["kind"],
      registers,
      collect() {
        this.reset();
        for (const [kind, count] of health.errors) this.inc({ kind }, count);
      },
    });
    this.#frames = new Tally(this.registry, "frames_total", "Frames to clients", "kind");
    const bytesHelp = "Bytes of frames to clients, before compression";
    this.#bytes = new Tally(this.registry, "frame_bytes_total", bytesHelp, "kind");
    const cutHelp = "Messages that hunks were left out of, to stay within --frame-bytes";
    this.#cut = new Counter({ name: "treewire_cut_messages_total", help: cutHelp, registers });
    this.#delivery = new Histogram({
      name: "treewire_delivery_seconds",
      help: "From the agent's scan of a change to its frame being written to a client's socket",
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    });
    this.#drops = new Tally(this.registry, "drops_total", "What was not taken", "reason");
    this.#requests = new Counter({
      name: "treewire_http_requests_total",
      help: "HTTP requests answered",
      labelNames: ["method", "status"],
      registers,
    });
    collectDefaultMetrics({ register: this.registry });
  }

  /** A frame goes to a client. @param bytes before compression */
  frame(kind: FrameKind, bytes: number): void {
    this.#frames.add(kind);
    this.#bytes.add(kind, bytes);
  }

  /** A message has less in it than there is, since it would be larger than clients take. */
  cutShort(): void {
    this.#cut.inc();
  }

  /** @param ms from the scan to the write, in milliseconds */
  delivered(ms: number): void {
    this.#delivery.observe(Math.max(0, ms) / 1000);
  }

  dropped(reason: DropReason): void {
    this.#drops.add(reason);
  }

  /** A tunnel is closed because its workspace wants more than the budget has. */
  budgetExceeded(budget: BudgetName): void {
    this.#exceeded.add(budget);
  }

  /** An agent reports that something stands in the way. */
  troubled(): void {
    this.#troubles.inc();
  }

  request(method: string, status: number): void {
    this.#requests.inc({ method, status: String(status) });
  }
}
