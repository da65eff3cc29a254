import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

/** Why something that was sent, or could have been, was not taken. */
export type DropReason = "bad_message" | "resync" | "rate_limited" | "refused_upgrade" | "slow_client" | "no_pong";

/** What there is at the moment a scrape asks. */
export interface Counts {
  sockets: number;
  tunnels: number;
  workspaces: number;
  chats: number;
  trees: number;
  treeBytes: number;
}

/** What the relay tells Prometheus. Names and labels are part of its interface: docs/operating.md lists them. */
export class Metrics {
  readonly registry = new Registry();
  readonly #frames: Counter<"kind">;
  readonly #bytes: Counter<"kind">;
  readonly #delivery: Histogram;
  readonly #drops: Counter<"reason">;
  readonly #requests: Counter<"method" | "status">;

  constructor(counts: () => Counts) {
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
    gauge("tree_bytes", "Characters of diff text held in memory", ({ treeBytes }) => treeBytes);
    this.#frames = new Counter({
      name: "treewire_frames_total",
      help: "Frames to clients",
      labelNames: ["kind"],
      registers,
    });
    this.#bytes = new Counter({
      name: "treewire_frame_bytes_total",
      help: "Bytes of frames to clients, before compression",
      labelNames: ["kind"],
      registers,
    });
    this.#delivery = new Histogram({
      name: "treewire_delivery_seconds",
      help: "From the agent's scan of a change to its frame being written to a client's socket",
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    });
    this.#drops = new Counter({
      name: "treewire_drops_total",
      help: "What was not taken",
      labelNames: ["reason"],
      registers,
    });
    this.#requests = new Counter({
      name: "treewire_http_requests_total",
      help: "HTTP requests answered",
      labelNames: ["method", "status"],
      registers,
    });
    collectDefaultMetrics({ register: this.registry });
  }

  /** A frame goes to a client. @param bytes before compression */
  frame(kind: "changes" | "error" | "delta", bytes: number): void {
    this.#frames.inc({ kind });
    this.#bytes.inc({ kind }, bytes);
  }

  /** @param ms from the scan to the write, in milliseconds */
  delivered(ms: number): void {
    this.#delivery.observe(Math.max(0, ms) / 1000);
  }

  dropped(reason: DropReason): void {
    this.#drops.inc({ reason });
  }

  request(method: string, status: number): void {
    this.#requests.inc({ method, status: String(status) });
  }
}
