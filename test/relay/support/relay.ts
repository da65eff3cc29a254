import { randomUUID } from "node:crypto";
import {
  bindChat,
  type ChatBinding,
  createToken,
  type RelayOptions,
  type RunningRelay,
  startRelay,
} from "../../../src/relay/index.js";
import { serveStore } from "../../../src/relay/server.js";
import type { Store } from "../../../src/relay/store/index.js";
import { silentLogger } from "../../../src/util/index.js";
import { type Cleanup, tempDir } from "../../support/temp.js";
import { WatchClient } from "../../support/watch-client.js";
import { FakeAgent } from "./fake-agent.js";
import { type Recorder, startRecorder } from "./recorder.js";

/** The relay's two modes: chats and files of its own, or of an existing server. */
export const MODES = ["own store", "upstream"] as const;
export type Mode = (typeof MODES)[number];

/** A relay of a test with a workspace, a chat of `alice` bound to it, and tokens. */
export class TestRelay {
  /** Where chats, clients' tokens and files are: the relay's own directory, or the upstream's. */
  readonly dataDir: string;
  readonly workspace: string = randomUUID();
  readonly chat: string = randomUUID();
  agentToken = "";
  clientToken = "";
  /** Between relay and upstream, in upstream mode. */
  readonly recorder: Recorder | undefined;
  /** Where the relay's own store is. */
  readonly ownDir: string;
  readonly #t: Cleanup;
  readonly #relay: RunningRelay;
  readonly #upstream: RunningRelay | undefined;
  #stopped: Promise<void> | undefined;

  private constructor(
    t: Cleanup,
    parts: { dataDir: string; ownDir: string; relay: RunningRelay; upstream?: RunningRelay; recorder?: Recorder },
  ) {
    this.#t = t;
    this.dataDir = parts.dataDir;
    this.ownDir = parts.ownDir;
    this.#relay = parts.relay;
    this.#upstream = parts.upstream;
    this.recorder = parts.recorder;
  }

  async #settle(): Promise<this> {
    this.agentToken = await this.newAgentToken();
    if (this.recorder !== undefined) await createToken(this.dataDir, { kind: "agent", workspace: this.workspace });
    this.clientToken = await createToken(this.dataDir, { kind: "client", user: "alice" });
    await bindChat(this.dataDir, { chat: this.chat, workspace: this.workspace, owner: "alice" });
    return this;
  }

  /** @param options `store`: what the relay has in place of its own, in own-store mode */
  static async start(
    t: Cleanup,
    options: Partial<RelayOptions> & { mode?: Mode; store?: (dataDir: string) => Store } = {},
  ): Promise<TestRelay> {
    const { mode = MODES[0], store, ...rest } = options;
    const dataDir = rest.dataDir ?? tempDir(t);
    const common = { port: 0, log: silentLogger() };
    if (mode === "own store") {
      const relay = await (store === undefined
        ? startRelay({ ...common, ...rest, dataDir })
        : serveStore(store(dataDir), { ...common, ...rest }));
      const test = new TestRelay(t, { dataDir, ownDir: dataDir, relay });
      t.teardown(() => test.stop());
      return test.#settle();
    }
    // the upstream is a server with the chat API: another relay, which has a store
    const upstream = await startRelay({ ...common, dataDir });
    const recorder = await startRecorder(t, upstream.url);
    const ownDir = tempDir(t);
    const relay = await startRelay({ ...common, ...rest, dataDir: ownDir, upstream: recorder.url });
    const test = new TestRelay(t, { dataDir, ownDir, relay, upstream, recorder });
    t.teardown(() => test.stop());
    return test.#settle();
  }

  get url(): string {
    return this.#relay.url;
  }

  get metricsUrl(): string {
    if (this.#relay.metricsUrl === undefined) throw new Error("started without metricsListen");
    return this.#relay.metricsUrl;
  }

  watchUrl(chat = this.chat): string {
    return `${this.url}/api/v2/chats/${chat}/git/watch`;
  }

  /** Binds a chat, by default alice's to the workspace: here, and at the upstream. */
  async bind(binding: Partial<ChatBinding> = {}): Promise<string> {
    const whole = { chat: this.chat, workspace: this.workspace, owner: "alice", ...binding };
    for (const directory of new Set([this.dataDir, this.ownDir])) await bindChat(directory, whole);
    return whole.chat;
  }

  /** An agent that has said hello, and shows `roots` to every chat that is watched. */
  async agent(roots: string[] = [], token = this.agentToken): Promise<FakeAgent> {
    return FakeAgent.connect(this.#t, this.url, token, { rootsOf: () => roots });
  }

  /** A token of an agent, by default another one of the workspace: one that was closed for what it sent has to wait. */
  newAgentToken(workspace = this.workspace): Promise<string> {
    return createToken(this.ownDir, { kind: "agent", workspace });
  }

  /** A client of alice's chat. */
  client(chat = this.chat, token = this.clientToken): Promise<WatchClient> {
    return WatchClient.open(this.#t, this.watchUrl(chat), { headers: { "coder-session-token": token } });
  }

  /** Stops the relay, and its upstream where it has one. */
  stop(): Promise<void> {
    const stop = async () => {
      await this.#relay.close();
      await this.#upstream?.close();
    };
    this.#stopped ??= stop();
    return this.#stopped;
  }
}
