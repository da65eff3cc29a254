import { EventEmitter } from "node:events";
import { PassThrough } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import type { WebSocket } from "ws";
import { TUNNEL_VERSION } from "../../../src/protocol/index.js";
import { LocalExchange } from "../../../src/relay/exchange/index.js";
import { Failures } from "../../../src/relay/failures.js";
import { Hub } from "../../../src/relay/hub/index.js";
import { DEFAULT_LIMITS } from "../../../src/relay/limit-options.js";
import { Metrics } from "../../../src/relay/metrics.js";
import { LiveSockets } from "../../../src/relay/sockets/live-sockets.js";
import { NamedChats } from "../../../src/relay/sockets/named-chats.js";
import { Penalties } from "../../../src/relay/sockets/penalties.js";
import { TunnelEnd } from "../../../src/relay/sockets/tunnel-end.js";
import { RateBuckets } from "../../../src/relay/sockets/tunnel-rate.js";
import { SqliteStore } from "../../../src/relay/store/index.js";
import { silentLogger } from "../../../src/util/index.js";
import { FakeClock } from "../../support/fake-clock.js";
import { tempDir } from "../../support/temp.js";
import { updateOf } from "../support/states.js";

/** A socket whose peer reads nothing until it is told to. */
class DeafSocket extends EventEmitter {
  isRead = true;
  readonly bufferedAmount = 0;
  waiting: (() => void)[] = [];
  bytes = 0;

  pause(): void {
    this.isRead = false;
  }

  resume(): void {
    this.isRead = true;
  }

  ping(): void {}

  pong(data: Buffer, _mask: boolean, sent: () => void): void {
    this.#wait(data.length, sent);
  }

  send(text: string, sent: () => void): void {
    this.#wait(text.length, sent);
  }

  #wait(bytes: number, sent: () => void): void {
    this.bytes += bytes;
    this.waiting.push(sent);
  }

  /** The peer reads everything. */
  readAll(): void {
    for (const sent of this.waiting.splice(0)) sent();
  }
}

t.test("an agent that reads no answers is not listened to, so that they cannot pile up", async (t) => {
  const store = new SqliteStore(tempDir(t));
  t.teardown(() => store.close());
  const { chatRoots, treeStates } = store;
  const hub = new Hub({ chatRoots, treeStates, log: silentLogger(), limits: DEFAULT_LIMITS });
  const noAuthority = { isLive: () => true, watchable: () => Promise.reject(new Error("nobody watches")) };
  const socket = new DeafSocket();
  const token = { kind: "agent" as const, tokenId: "x", workspace: "", autoBind: undefined, expiresAt: undefined };
  const failures = new Failures(store.health, silentLogger());
  new TunnelEnd(socket as unknown as WebSocket, {
    stream: new PassThrough(),
    workspace: hub.workspace("11111111-1111-4111-8111-111111111111"),
    token,
    named: new NamedChats(store, failures, token),
    exchange: new LocalExchange(hub),
    live: new LiveSockets(noAuthority, () => true),
    penalties: new Penalties(),
    buckets: new RateBuckets(
      { agentMessagesPerSecond: 1e6, agentBytesPerSecond: 1e9, agentStallMsPerSecond: 5 },
      new FakeClock(),
    ),
    failures,
    metrics: new Metrics(() => ({ ...hub.counts(), sockets: 0, tunnels: 0 }), store.health),
    limits: DEFAULT_LIMITS,
  });
  const receive = (message: object) => socket.emit("message", Buffer.from(JSON.stringify(message)), false);
  receive({ type: "hello", protocol: TUNNEL_VERSION, agent: "deaf" });
  const pings = async () => {
    for (let count = 0; count < 20_000 && socket.isRead; count += 1) socket.emit("ping", Buffer.alloc(125));
  };
  const updates = async () => {
    for (let seq = 1; seq < 30_000; seq += 1) {
      if (!socket.isRead) for (let turn = 0; turn < 3; turn += 1) await nextTurn(); // a few are handled in each
      if (!socket.isRead) return;
      receive(updateOf([], { seq, epoch: "e".repeat(64) }));
    }
  };
  for (const storm of [pings, updates]) {
    const before = socket.bytes;
    await storm();
    t.notOk(socket.isRead);
    t.ok(socket.bytes - before < 1.1 * 1024 * 1024, `${socket.bytes - before} bytes wait`);
    socket.readAll();
    t.ok(socket.isRead, "and again when it has read them");
  }
  socket.emit("close");
});
