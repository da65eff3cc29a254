import type { RelayMessage } from "../../../../src/protocol/index.js";
import type { AgentReport, Hosted, Welcomed } from "../../../../src/relay/exchange/index.js";
import { SqliteStore } from "../../../../src/relay/store/index.js";
import { FakeClock } from "../../../support/fake-clock.js";
import { Random } from "../../../support/random.js";
import { type Cleanup, tempDir } from "../../../support/temp.js";
import { SCANNED_AT } from "../../support/states.js";
import { Cluster, type Node } from "./cluster.js";

/** Three relays that share a store, and nothing is lost between them. */
export function clusterOf(t: Cleanup, { skewsMs = [0, 0, 0] }: { skewsMs?: number[] } = {}): Cluster {
  const store = new SqliteStore(tempDir(t));
  const cluster = new Cluster(store, new FakeClock(), new Random(7), skewsMs);
  t.teardown(async () => {
    await cluster.close();
    await store.close();
  });
  return cluster;
}

/** An agent by hand at one relay. */
export class HandAgent {
  readonly sent: RelayMessage[] = [];
  /** What was sent besides refreshes, before those were answered. */
  readonly #others: RelayMessage[] = [];
  replaced = 0;
  readonly #node: Node;
  readonly #workspace: ReturnType<Node["hub"]["workspace"]>;
  #hosted: Hosted | undefined;

  constructor(cluster: Cluster, at: number) {
    this.#node = nodeOf(cluster, at);
    this.#workspace = this.#node.hub.workspace(cluster.workspace);
  }

  async connect(cluster: Cluster, welcomed: Partial<Welcomed> = {}): Promise<this> {
    const link = { send: (message: RelayMessage) => this.sent.push(message), refuse: () => undefined };
    const replaced = () => {
      this.replaced += 1;
    };
    const hosting = this.#node.exchange.host(this.#workspace, { link, replaced });
    await cluster.advance(20);
    this.#hosted = await hosting;
    const { secrets, compares = true } = welcomed;
    this.#workspace.attach(this.#hosted.local, secrets, compares);
    this.#workspace.resume();
    this.#hosted.welcomed({ secrets, compares });
    await cluster.advance(20);
    return this;
  }

  say(...messages: AgentReport[]): void {
    if (this.#hosted === undefined) throw new Error("it is connected");
    for (const message of messages) {
      this.#workspace.receive(this.#hosted.local, message);
      this.#hosted.said(message);
    }
  }

  /** Answers every refresh that is asked, also those that come of the answers. */
  async answerRefreshes(cluster: Cluster): Promise<void> {
    for (let round = 0; round < 8; round += 1) {
      await cluster.advance(50);
      for (const message of this.sent.splice(0)) {
        if (message.type === "refresh") this.say({ type: "refreshed", id: message.id, scanned_at: SCANNED_AT });
        else this.#others.push(message);
      }
    }
  }

  lose(): void {
    if (this.#hosted === undefined) throw new Error("it is connected");
    this.#workspace.detach(this.#hosted.local, "timeout");
    this.#hosted.ended("timeout");
  }

  typesOf(...types: RelayMessage["type"][]): string[] {
    return this.all.flatMap(({ type }) => (types.includes(type) ? type : []));
  }

  get all(): RelayMessage[] {
    return [...this.#others, ...this.sent];
  }
}

/** One of its relays. */
export function nodeOf(cluster: Cluster, at: number): Node {
  const node = cluster.nodes[at];
  if (node === undefined) throw new Error(`there is no relay ${at}`);
  return node;
}
