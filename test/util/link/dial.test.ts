import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import t from "tap";
import { WebSocketServer } from "ws";
import { AddressBook, type DialFailure, type DialOptions, dialWebSocket } from "../../../src/util/link/index.js";
import { FakeRelay } from "../../support/fake-relay.js";
import { SlowAddress } from "../../support/slow-address.js";
import type { Cleanup } from "../../support/temp.js";
import { until } from "../../support/until.js";

const PROTOCOL = "treewire.tunnel.v1";

interface Outcome {
  opened: boolean;
  failure?: DialFailure;
}

/** Dials until the socket is open or closed. */
async function attempt(t: Cleanup, url: string, options: Partial<DialOptions> = {}): Promise<Outcome> {
  const outcome: Outcome = { opened: false };
  const socket = dialWebSocket(new URL(url), PROTOCOL, {
    headers: {},
    limitMs: 60_000,
    onFailure: (failure) => {
      if (outcome.failure !== undefined) throw new Error("it was told twice");
      outcome.failure = failure;
    },
    ...options,
  });
  t.teardown(() => socket.terminate());
  await new Promise((resolve) => socket.once("open", resolve).once("close", resolve));
  outcome.opened = socket.readyState === socket.OPEN;
  return outcome;
}

async function listen(t: Cleanup, server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** A server that answers whatever comes with the same bytes; with none it never answers. */
function blunt(t: Cleanup, answer?: string): Promise<number> {
  return listen(
    t,
    createServer((socket) => {
      socket.once("data", () => {
        if (answer !== undefined) socket.end(answer);
      });
    }),
  );
}

/** A port on which nobody listens. */
async function nobody(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const resolving = (...addresses: string[]) =>
  new AddressBook({ lookup: async () => addresses.map((address) => ({ address, family: 4 })), random: () => 0 });

/** The system's error with a code, as Node.js makes it. */
const systemError = (code: string) => Object.assign(new Error(code), { code, errno: -1 });

t.test("a relay that answers is reached by its name", async (t) => {
  const relay = await FakeRelay.start(t);
  const { port } = new URL(relay.url);
  const url = `ws://relay.test:${port}/treewire/tunnel`;
  t.same(await attempt(t, url, { book: resolving("127.0.0.1") }), { opened: true });
});

t.test("an address that takes longer than 250 ms is not given up for a dead one", async (t) => {
  const relay = await FakeRelay.start(t);
  const port = Number(new URL(relay.url).port);
  const slow = await SlowAddress.open(t, "127.0.0.2", port, port);
  const dead = await SlowAddress.open(t, "127.0.0.3", port, port);
  const book = resolving(slow.address, dead.address);
  const url = `ws://relay.test:${port}/treewire/tunnel`;
  const dialled = attempt(t, url, { book });
  await until("both are asked", () => slow.asked > 0 && dead.asked > 0);
  slow.answer();
  t.same(await dialled, { opened: true });
  await until("the dead one is not asked any more", () => dead.asked === 0);
  t.equal((await book.resolve("relay.test"))[0]?.address, slow.address, "what served goes first");
});

t.test("an address that refuses is followed by the next at once", async (t) => {
  const relay = await FakeRelay.start(t);
  const { port } = new URL(relay.url);
  const url = `ws://relay.test:${port}/treewire/tunnel`;
  t.same(await attempt(t, url, { book: resolving("127.0.0.4", "127.0.0.5", "127.0.0.1") }), { opened: true });
});

t.test("an address that connects and does not serve does not go first again", async (t) => {
  const port = await blunt(t, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
  const book = resolving("127.0.0.9", "127.0.0.1");
  book.served("relay.test", "127.0.0.1");
  await attempt(t, `ws://relay.test:${port}/`, { book });
  t.equal((await book.resolve("relay.test"))[0]?.address, "127.0.0.9");
});

t.test("an address that takes the upgrade and says nothing does not go first again", async (t) => {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", handleProtocols: () => PROTOCOL });
  await once(server, "listening");
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const book = resolving("127.0.0.1", "127.0.0.2");
  const first = async () => (await book.resolve("relay.test"))[0]?.address;
  const connect = async () => {
    const socket = dialWebSocket(new URL(`ws://relay.test:${port}/`), PROTOCOL, {
      headers: {},
      limitMs: 60_000,
      book,
      onFailure: ({ why }) => t.fail(why),
    });
    await once(socket, "open");
    return socket;
  };
  server.once("connection", (peer) => peer.close());
  await once(await connect(), "close");
  t.equal(await first(), "127.0.0.2");

  book.failed("relay.test", "127.0.0.2");
  server.once("connection", (peer) => {
    peer.send("welcome");
    peer.close();
  });
  await once(await connect(), "close");
  t.equal(await first(), "127.0.0.1", "one that has spoken does");
});

t.test("the step that failed is named: the name", async (t) => {
  const lookup = (code: string) => new AddressBook({ lookup: () => Promise.reject(systemError(code)) });
  const unknown = await attempt(t, "ws://relay.test/", { book: lookup("ENOTFOUND") });
  t.match(unknown.failure, { step: "name", kind: "unreachable", why: "the name relay.test is not known (ENOTFOUND)" });
  const away = await attempt(t, "ws://relay.test/", { book: lookup("EAI_AGAIN") });
  t.match(away.failure, { step: "name", why: "the name relay.test cannot be resolved (EAI_AGAIN)" });
  const hanging = new AddressBook({ lookup: () => new Promise(() => {}) });
  const late = await attempt(t, "ws://relay.test/", { book: hanging, limitMs: 50 });
  t.match(late.failure, { step: "name", why: "the name relay.test was not resolved in 0.05 s" });
});

t.test("the step that failed is named: the address and the port", async (t) => {
  const port = await nobody();
  const refused = await attempt(t, `ws://127.0.0.1:${port}/`);
  t.match(refused.failure, { step: "port", why: `nothing listens at 127.0.0.1:${port} (ECONNREFUSED)` });
  const both = await attempt(t, `ws://relay.test:${port}/`, { book: resolving("127.0.0.2", "127.0.0.1") });
  const codes = "127.0.0.1: ECONNREFUSED, 127.0.0.2: ECONNREFUSED";
  t.equal(both.failure?.why, `nothing listens at relay.test:${port} (${codes})`, "in the same order each time");
  const noWay = await attempt(t, "ws://255.255.255.255:9/");
  t.match(noWay.failure, { step: "address", isFinal: false, why: /^(no connection|there is no way) to 255\./ });
});

t.test("a firewall that drops packets is called what it is", async (t) => {
  const port = await nobody();
  const dead = await SlowAddress.open(t, "127.0.0.3", port, port);
  const { failure } = await attempt(t, `ws://relay.test:${port}/`, { book: resolving(dead.address), limitMs: 300 });
  const why = `no answer from relay.test:${port} (the connection was not made in 0.3 s)`;
  t.match(failure, { step: "address", kind: "unreachable", why });
  await until("nothing is pending", () => dead.asked === 0);
});

t.test("the step that failed is named: the upgrade", async (t) => {
  const rows: [name: string, answer: string | undefined, expected: object][] = [
    ["no answer", undefined, { kind: "unreachable", why: /^127\.0\.0\.1:\d+ did not answer the upgrade in 0\.2 s$/ }],
    ["another protocol", "220 mail ESMTP\r\n", { kind: "nonsense", why: /does not speak HTTP \(HPE_/ }],
    ["a cut", "", { kind: "unreachable", why: /was cut before the upgrade was answered \(ECONNRESET\)$/ }],
    [
      "a switch that is none",
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
      { kind: "nonsense", why: /does not answer as a WebSocket has to \(Invalid Sec-WebSocket-Accept header\)$/ },
    ],
  ];
  for (const [name, answer, expected] of rows) {
    const port = await blunt(t, answer);
    const { failure } = await attempt(t, `ws://127.0.0.1:${port}/`, answer === undefined ? { limitMs: 200 } : {});
    t.match(failure, { step: "upgrade", isFinal: false, ...expected }, name);
  }
});

t.test("an answer whose body never ends is waited for no longer than anything else", async (t) => {
  const port = await listen(
    t,
    createServer((socket) => socket.write("HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\n\r\nhalf")),
  );
  const { failure } = await attempt(t, `ws://127.0.0.1:${port}/`, { limitMs: 200 });
  t.match(failure, { step: "upgrade", isFinal: false });
});

t.test("a sub-protocol that was taken out of the answer is missed in words", async (t) => {
  const server = createHttpServer();
  const sockets = new WebSocketServer({ server, handleProtocols: () => false });
  const port = await listen(t, server);
  const { failure } = await attempt(t, `ws://127.0.0.1:${port}/`);
  t.match(failure, { kind: "altered", why: /^the answer of 127\.0\.0\.1:\d+ came without Sec-WebSocket-Protocol$/ });
  sockets.close();
});

t.test("a socket that is closed here tells of no failure, and leaves nothing open", async (t) => {
  const port = await nobody();
  const dead = await SlowAddress.open(t, "127.0.0.3", port, port);
  const failures: DialFailure[] = [];
  const socket = dialWebSocket(new URL(`ws://relay.test:${port}/`), PROTOCOL, {
    headers: {},
    limitMs: 60_000,
    book: resolving(dead.address),
    onFailure: (failure) => failures.push(failure),
  });
  await until("it is connecting", () => dead.asked > 0);
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.close();
  await closed;
  await until("nothing is pending", () => dead.asked === 0);
  t.same(failures, []);
});

t.test("however often something hangs, nothing of an attempt outlives it", async (t) => {
  let open = 0;
  let seen = 0;
  const silent = createServer((socket) => {
    open += 1;
    seen += 1;
    socket.on("close", () => {
      open -= 1;
    });
    socket.resume();
  });
  const port = await listen(t, silent);
  const silentUrl = (scheme: string) => new URL(`${scheme}://127.0.0.1:${port}/`);
  const ways: [name: string, url: string, options: Partial<DialOptions>, why: RegExp][] = [
    ["upgrade", `ws://127.0.0.1:${port}/`, {}, /did not answer the upgrade/],
    ["TLS", `wss://127.0.0.1:${port}/`, {}, /did not end the TLS handshake/],
    ["CONNECT", "ws://relay.test/", { proxy: silentUrl("http") }, /the proxy 127\.0\.0\.1:\d+ did not answer CONNECT/],
    [
      "TLS to the proxy",
      "ws://relay.test/",
      { proxy: silentUrl("https") },
      /the proxy .* did not end the TLS handshake/,
    ],
  ];
  const held = () => process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length;
  for (const [name, url, options, why] of ways) {
    const before = held();
    seen = 0;
    for (let count = 0; count < 5; count += 1) {
      const { failure } = await attempt(t, url, { ...options, limitMs: 60 });
      t.match(failure?.why, why, name);
    }
    t.equal(seen, 5, name);
    await until(`${name}: all are closed`, () => open === 0 && held() <= before, {
      seen: () => ({ open, held: held() }),
    });
  }
});

t.test("a proxy says why it lets nothing through", async (t) => {
  const through = async (answer: string) => {
    const port = await blunt(t, answer);
    const proxy = new URL(`http://me:hush@127.0.0.1:${port}`);
    const { failure } = await attempt(t, "ws://relay.test/", { proxy });
    t.match(failure, { step: "proxy", isFinal: false, kind: "unreachable" });
    t.notMatch(failure?.why, /hush/);
    return failure?.why.replace(String(port), "PORT");
  };
  const status = (number: number) => `HTTP/1.1 ${number} No\r\nContent-Length: 2\r\n\r\nno`;
  const name = "the proxy 127.0.0.1:PORT";
  t.equal(await through(status(407)), `${name} wants another user and password (HTTP 407): see HTTPS_PROXY`);
  t.equal(await through(status(403)), `${name} does not let relay.test:80 through (HTTP 403)`);
  t.equal(await through(status(502)), `${name} does not reach relay.test:80 (HTTP 502)`);
  t.match(await through("SSH-2.0\r\n"), /^the proxy 127\.0\.0\.1:PORT does not speak HTTP \(HPE_/);
  t.equal(await through(""), `${name} cut the connection instead of answering CONNECT (ECONNRESET)`);
});

t.test("a proxy that is not there is named as the proxy", async (t) => {
  const port = await nobody();
  const away = await attempt(t, "ws://relay.test/", { proxy: new URL(`http://127.0.0.1:${port}`) });
  t.match(away.failure, { step: "proxy", why: `nothing listens at the proxy 127.0.0.1:${port} (ECONNREFUSED)` });
  const book = new AddressBook({ lookup: () => Promise.reject(systemError("ENOTFOUND")) });
  const unknown = await attempt(t, "ws://relay.test/", { proxy: new URL("http://proxy.test"), book });
  t.match(unknown.failure, { step: "proxy", why: "the name proxy.test is not known (ENOTFOUND)" });
});

t.test("what a proxy sends behind its answer belongs to the relay's stream", async (t) => {
  const relay = await FakeRelay.start(t);
  const target = Number(new URL(relay.url).port);
  // the answer to CONNECT and that to the upgrade come in one packet
  const proxy = createServer((near) => {
    near.once("data", () => {
      near.write("HTTP/1.1 200 OK\r\n");
      near.write("\r\n");
      const far = connect(target, "127.0.0.1");
      near.pipe(far).pipe(near);
      far.on("error", () => near.destroy());
    });
  });
  const port = await listen(t, proxy);
  const options = { proxy: new URL(`http://127.0.0.1:${port}`) };
  t.same(await attempt(t, `ws://relay.test:${target}/treewire/tunnel`, options), { opened: true });
  t.equal(relay.connections[0]?.request.headers.host, `relay.test:${target}`, "the relay hears its own name");
});
