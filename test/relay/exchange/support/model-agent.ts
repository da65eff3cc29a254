import type { RelayMessage, TreeMessage } from "../../../../src/protocol/index.js";
import type { AgentReport, Exchange, Hosted } from "../../../../src/relay/exchange/index.js";
import type { Hub, Workspace } from "../../../../src/relay/hub/index.js";
import type { Clock } from "../../../../src/util/index.js";
import type { Random } from "../../../support/random.js";
import { fileOf, metaOf } from "../../support/fake-agent.js";

/** The working trees of a workspace: each has one file, whose content says how often it was written. */
export type Written = Map<string, number>;

/** Where an agent connects to. */
export interface AgentPort {
  readonly hub: Hub;
  readonly exchange: Exchange;
}

interface Connection {
  readonly port: AgentPort;
  readonly workspace: Workspace;
  hosted: Hosted | undefined;
  isOver: boolean;
  /** Trees of which the relay has this agent's state of that number. */
  readonly sent: Map<string, { seq: number; content: number }>;
  readonly watched: Set<string>;
}

/**
 * An agent without a socket: it does to an exchange and a workspace what a tunnel does. Messages take time in both directions,
 * and keep their order.
 */
export class ModelAgent {
  readonly #written: Written;
  readonly #workspace: string;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #epoch: string;
  /** The number of the last state of each tree, and what was in it. */
  readonly #states = new Map<string, { seq: number; content: number }>();
  #connection: Connection | undefined;
  #inAtMs = 0;
  #outAtMs = 0;
  /** Another agent has the workspace: it does not come back. */
  isReplaced = false;

  constructor(workspace: string, written: Written, clock: Clock, random: Random) {
    this.#workspace = workspace;
    this.#written = written;
    this.#clock = clock;
    this.#random = random;
    this.#epoch = `epoch-${random.uuid()}`;
  }

  get isConnected(): boolean {
    return this.#connection?.hosted !== undefined;
  }

  /** Where it connects to, or is connected. */
  get port(): AgentPort | undefined {
    return this.#connection?.port;
  }

  async connect(port: AgentPort): Promise<void> {
    const { hub, exchange } = port;
    const workspace = hub.workspace(this.#workspace);
    const connection: Connection = {
      port,
      workspace,
      hosted: undefined,
      isOver: false,
      sent: new Map(),
      watched: new Set(),
    };
    this.#connection = connection;
    workspace.agentConnecting();
    const link = {
      send: (message: RelayMessage) => this.#later("in", () => this.#asked(connection, message)),
      refuse: () => this.disconnect(),
    };
    const replaced = () => {
      if (this.#connection !== connection) return;
      this.isReplaced = true;
      this.disconnect();
    };
    const hosted = await exchange.host(workspace, { link, replaced });
    if (connection.isOver) {
      hosted.ended("disconnected");
      return;
    }
    connection.hosted = hosted;
    const { held } = workspace.attach(hosted.local, undefined, true);
    for (const { root, epoch, seq } of held) {
      if (epoch === this.#epoch) connection.sent.set(root, { seq, content: Number.NaN });
    }
    workspace.resume();
    hosted.welcomed({ secrets: undefined, compares: true });
  }

  /** The tunnel is closed. */
  disconnect(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection === undefined || connection.isOver) return;
    connection.isOver = true;
    connection.workspace.detach(connection.hosted?.local, "disconnected");
    connection.hosted?.ended("disconnected");
  }

  /** Files were written: what is watched is told, some time later. */
  noticed(): void {
    const connection = this.#connection;
    if (connection !== undefined) this.#later("out", () => this.#tellAll(connection));
  }

  #later(way: "in" | "out", run: () => void): void {
    const now = this.#clock.monotonicMs();
    const before = way === "in" ? this.#inAtMs : this.#outAtMs;
    const at = Math.max(before, now + this.#random.small(0, 20));
    if (way === "in") this.#inAtMs = at;
    else this.#outAtMs = at;
    this.#clock.after(at - now, run);
  }

  #asked(connection: Connection, message: RelayMessage): void {
    if (connection.isOver) return;
    switch (message.type) {
      case "watch":
        connection.watched.add(message.chat);
        this.#say(connection, { type: "chat", chat: message.chat, roots: [...this.#written.keys()].sort() });
        for (const root of this.#written.keys()) this.#tell(connection, root, { evenIfSame: true });
        break;
      case "unwatch":
        connection.watched.delete(message.chat);
        break;
      case "refresh": {
        this.#tellAll(connection);
        const { id } = message;
        this.#say(connection, { type: "refreshed", id, scanned_at: new Date().toISOString() });
        break;
      }
      case "resync":
        connection.sent.delete(message.root);
        this.#tell(connection, message.root, { evenIfSame: true });
        break;
      default: // nothing is asked
    }
  }

  #tellAll(connection: Connection): void {
    if (connection.isOver || connection.watched.size === 0) return;
    for (const root of this.#written.keys()) this.#tell(connection, root, { evenIfSame: false });
  }

  #tell(connection: Connection, root: string, { evenIfSame }: { evenIfSame: boolean }): void {
    const content = this.#written.get(root) ?? 0;
    const last = this.#states.get(root) ?? { seq: 0, content: Number.NaN };
    const state = last.content === content ? last : { seq: last.seq + 1, content };
    this.#states.set(root, state);
    const sent = connection.sent.get(root);
    if (sent?.seq === state.seq) {
      if (evenIfSame) this.#say(connection, { type: "scanned", root, scanned_at: new Date().toISOString() });
      return;
    }
    connection.sent.set(root, state);
    const tree: TreeMessage = {
      type: "tree",
      root,
      epoch: this.#epoch,
      seq: state.seq,
      base: sent?.seq ?? null,
      meta: metaOf(),
      upserts: [fileOf("file", String(content))],
      removes: [],
      more: false,
    };
    // now and then in two parts
    if (this.#random.chance(0.3)) {
      this.#say(connection, { ...tree, more: true });
      this.#say(connection, { ...tree, upserts: [] });
    } else this.#say(connection, tree);
  }

  #say(connection: Connection, message: AgentReport): void {
    this.#later("out", () => {
      if (connection.isOver || connection.hosted === undefined) return;
      connection.workspace.receive(connection.hosted.local, message);
      connection.hosted.said(message);
    });
  }
}
