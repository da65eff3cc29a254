import { randomUUID } from "node:crypto";
import { bindChat, createToken, type RelayOptions, type RunningRelay, startRelay } from "../../../src/relay/index.js";
import { silentLogger } from "../../../src/util/index.js";
import { type Cleanup, tempDir } from "../../support/temp.js";
import { TestClient } from "./client.js";
import { FakeAgent } from "./fake-agent.js";

/** A relay of a test with a workspace, a chat of `alice` bound to it, and tokens. */
export class TestRelay {
  readonly dataDir: string;
  readonly workspace: string = randomUUID();
  readonly chat: string = randomUUID();
  readonly agentToken: string;
  readonly clientToken: string;
  readonly #t: Cleanup;
  #relay: RunningRelay;

  private constructor(t: Cleanup, dataDir: string, relay: RunningRelay) {
    this.#t = t;
    this.dataDir = dataDir;
    this.#relay = relay;
    this.agentToken = createToken(dataDir, { kind: "agent", workspace: this.workspace });
    this.clientToken = createToken(dataDir, { kind: "client", user: "alice" });
    bindChat(dataDir, { chat: this.chat, workspace: this.workspace, owner: "alice" });
  }

  static async start(t: Cleanup, options: Partial<RelayOptions> = {}): Promise<TestRelay> {
    const dataDir = options.dataDir ?? tempDir(t);
    const relay = await startRelay({ port: 0, log: silentLogger(), ...options, dataDir });
    const test = new TestRelay(t, dataDir, relay);
    t.teardown(() => test.stop());
    return test;
  }

  get url(): string {
    return this.#relay.url;
  }

  watchUrl(chat = this.chat): string {
    return `${this.url}/api/v2/chats/${chat}/git/watch`;
  }

  /** An agent that has said hello, and shows `roots` to every chat that is watched. */
  async agent(roots: string[] = []): Promise<FakeAgent> {
    const agent = await FakeAgent.connect(this.#t, this.url, this.agentToken);
    agent.rootsOf = () => roots;
    return agent;
  }

  /** A client of alice's chat. */
  client(chat = this.chat, token = this.clientToken): Promise<TestClient> {
    return TestClient.open(this.#t, this.watchUrl(chat), { headers: { "coder-session-token": token } });
  }

  stop(): Promise<void> {
    return this.#relay.close();
  }
}
