import { EventEmitter } from "node:events";
import { PassThrough } from "node:stream";
import t from "tap";
import type { WebSocket } from "ws";
import { type AgentMessage, CLOSE, TUNNEL_VERSION } from "../../../src/protocol/index.js";
import type { AgentReport, Exchange, Home, Hosted } from "../../../src/relay/exchange/index.js";
import { Failures } from "../../../src/relay/failures.js";
import { type AgentLink, Hub } from "../../../src/relay/hub/index.js";
import { DEFAULT_LIMITS } from "../../../src/relay/limit-options.js";
import { Metrics } from "../../../src/relay/metrics.js";
import { LiveSockets } from "../../../src/relay/sockets/live-sockets.js";
import { NamedChats } from "../../../src/relay/sockets/named-chats.js";
import { Penalties } from "../../../src/relay/sockets/penalties.js";
import { TunnelEnd } from "../../../src/relay/sockets/tunnel-end.js";
import { RateBuckets } from "../../../src/relay/sockets/tunnel-rate.js";
import type { Soon } from "../../../src/relay/soon.js";
import { SqliteStore } from "../../../src/relay/store/index.js";
import { silentLogger } from "../../../src/util/index.js";
import { FakeClock } from "../../support/fake-clock.js";
import { type Cleanup, tempDir } from "../../support/temp.js";
import { updateOf } from "../support/states.js";

const WORKSPACE = "11111111-1111-4111-8111-111111111111";

/** An agent's socket, by hand. */
class Socket extends EventEmitter {
  readonly bufferedAmount = 0;
  readonly sent: { type: string }[] = [];
  isRead = true;
  code: number | undefined;

  send(text: string, sent: () => void): void {
    this.sent.push(JSON.parse(text));
    sent();
  }

  pause(): void {
    this.isRead = false;
  }

  resume(): void {
    this.isRead = true;
  }

  close(code: number): void {
    this.code ??= code;
  }

  terminate(): void {}

  says(message: AgentMessage): void {
    this.emit("message", Buffer.from(JSON.stringify(message)), false);
  }
}

/** A tunnel whose agent has said hello, to a relay that asks others first. */
function open(t: Cleanup, host: (home: Home) => Soon<Hosted>) {
  const store = new SqliteStore(tempDir(t));
  t.teardown(() => store.close());
  const { chatRoots, treeStates } = store;
  const hub = new Hub({ chatRoots, treeStates, log: silentLogger(), limits: DEFAULT_LIMITS });
  const noAuthority = { isLive: () => true, watchable: () => Promise.reject(new Error("nobody watches")) };
  const socket = new Socket();
  t.teardown(() => socket.emit("close"));
  const token = {
    kind: "agent" as const,
    tokenId: "x",
    workspace: WORKSPACE,
    autoBind: undefined,
    expiresAt: undefined,
  };
  const failures = new Failures(store.health, silentLogger());
  const workspace = hub.workspace(WORKSPACE);
  const exchange: Pick<Exchange, "host"> = { host: (_workspace, home) => host(home) };
  new TunnelEnd(socket as unknown as WebSocket, {
    stream: new PassThrough(),
    workspace,
    token,
    exchange,
    named: new NamedChats(store, failures, token),
    live: new LiveSockets(noAuthority, () => true),
    penalties: new Penalties(),
    buckets: new RateBuckets(DEFAULT_LIMITS, new FakeClock()), // however long this machine stands still
    failures,
    metrics: new Metrics(() => ({ ...hub.counts(), sockets: 0, tunnels: 0 }), store.health),
    limits: DEFAULT_LIMITS,
  });
  socket.says({ type: "hello", protocol: TUNNEL_VERSION, agent: "fake" });
  return { socket, workspace };
}

/** An exchange's answer about an agent: what it hears. */
function hostedOf(local: AgentLink) {
  const heard: AgentReport[] = [];
  const ends: string[] = [];
  const hosted: Hosted = {
    local,
    welcomed: () => undefined,
    said: (message) => heard.push(message),
    ended: (state) => ends.push(state),
  };
  return { hosted, heard, ends };
}

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));
const typesOf = (messages: readonly { type: string }[]) => messages.map(({ type }) => type);

t.test("what comes right behind the hello waits until other relays have been asked, in its order", async (t) => {
  let welcome: (hosted: Hosted) => void = () => undefined;
  let link: AgentLink | undefined;
  const { socket, workspace } = open(t, (home) => {
    link = home.link;
    return new Promise((resolve) => {
      welcome = resolve;
    });
  });
  socket.says(updateOf([]));
  socket.says(updateOf([], { seq: 2, base: 1 }));
  await nextTurn();
  t.same([socket.sent, socket.code, socket.isRead, workspace.agentState], [[], undefined, false, "connecting"]);
  if (link === undefined) throw new Error("it was asked");
  const { hosted, heard, ends } = hostedOf(link);
  welcome(hosted);
  await nextTurn();
  t.same(typesOf(socket.sent), ["welcome", "ack", "ack"]);
  t.same([typesOf(heard), socket.isRead, workspace.agentState], [["tree", "tree"], true, "connected"]);
  socket.says(updateOf([], { seq: 3, base: 2 }));
  t.equal(heard.length, 3, "from here on at once");
  socket.emit("close");
  t.same([ends, workspace.agentState], [["disconnected"], "disconnected"]);
});

t.test("where nobody has to be asked, the welcome is sent within the hello", (t) => {
  const { socket, workspace } = open(t, ({ link }) => hostedOf(link).hosted);
  t.same([typesOf(socket.sent), workspace.agentState], [["welcome"], "connected"]);
  t.end();
});

t.test("a workspace is attached with the exchange's link, and hears the agent over it", (t) => {
  const sent: { type: string }[] = [];
  const local = { send: (message: { type: string }) => sent.push(message), refuse: () => undefined };
  const { socket, workspace } = open(t, () => hostedOf(local).hosted);
  socket.says(updateOf([]));
  t.same(typesOf(sent), ["ack"]);
  t.equal(workspace.agentState, "connected");
  socket.emit("close");
  t.equal(workspace.agentState, "disconnected");
  t.end();
});

t.test("an agent that has gone while others were asked leaves nothing behind", async (t) => {
  let welcome: (hosted: Hosted) => void = () => undefined;
  const { socket, workspace } = open(
    t,
    () =>
      new Promise((resolve) => {
        welcome = resolve;
      }),
  );
  socket.emit("close");
  const { hosted, ends } = hostedOf({ send: () => undefined, refuse: () => undefined });
  welcome(hosted);
  await nextTurn();
  t.same([ends, socket.sent, workspace.agentState], [["disconnected"], [], "disconnected"]);
});

t.test("when others cannot be asked the agent comes back, and when another has it, it does not", async (t) => {
  const failed = open(t, () => Promise.reject(new Error("no answer")));
  await nextTurn();
  t.equal(failed.socket.code, CLOSE.internalError.code);
  const replaced = open(t, (home) => {
    home.replaced();
    return hostedOf(home.link).hosted;
  });
  t.equal(replaced.socket.code, CLOSE.replaced.code);
});
