import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import t from "tap";
import { Tunnel, type TunnelOptions } from "../../../src/agent/tunnel/tunnel.js";
import { tunnelUrl } from "../../../src/agent/tunnel/tunnel-url.js";
import { watchInTerminal } from "../../../src/client/terminal/index.js";
import { followTrees } from "../../../src/client/watch.js";
import { fixedToken, silentLogger, tokenFile } from "../../../src/util/index.js";
import { alteringProxy, inHttp10, without } from "../../support/altering-proxy.js";
import { Stack } from "../../support/stack.js";
import type { Cleanup } from "../../support/temp.js";
import { until } from "../../support/until.js";

const stack = await Stack.start(t);
const anyToken = await stack.agentToken(randomUUID());

/** A tunnel that tries again at once. */
function open(t: Cleanup, url: string, options: Partial<TunnelOptions> = {}): Tunnel {
  const tunnel = new Tunnel({
    url: tunnelUrl(url),
    token: tokenFile(anyToken, () => {}),
    agent: "treewire/test",
    logger: silentLogger(),
    retry: { next: () => 10 },
    onWelcome: () => {},
    onMessage: () => {},
    onLost: () => {},
    ...options,
  });
  const ended = tunnel.run();
  t.teardown(async () => {
    await tunnel.stop();
    await ended;
  });
  return tunnel;
}

/** What is wrong with such a tunnel. */
function problemOf(t: Cleanup, url: string, options: Partial<TunnelOptions> = {}): Promise<string> {
  const tunnel = open(t, url, options);
  return until("a problem", () => tunnel.status.problem, { seen: () => tunnel.status });
}

/** Waits until such a tunnel is welcomed. */
async function welcomed(t: Cleanup, url: string, options: Partial<TunnelOptions> = {}): Promise<void> {
  const tunnel = open(t, url, options);
  await until("a welcome", () => tunnel.status.state === "connected", { seen: () => tunnel.status });
}

const ALTERS = "a proxy before the relay alters the upgrade";

t.test("an agent whose proxy takes the sub-protocol out of the request hears the relay's own sentence", async (t) => {
  const proxy = await alteringProxy(t, stack.homeUrl, { request: without("Sec-WebSocket-Protocol") });
  const told = "(the relay says: Sub-protocol treewire.tunnel.v1 is required.)";
  t.match(await problemOf(t, proxy), `${ALTERS} ${told}; have it speak HTTP/1.1`);
});

t.test("an agent whose proxy takes the sub-protocol out of the answer hears what is missing", async (t) => {
  const proxy = await alteringProxy(t, stack.homeUrl, { answer: without("Sec-WebSocket-Protocol") });
  t.match(
    await problemOf(t, proxy),
    new RegExp(`${ALTERS} \\(the answer of .* came without Sec-WebSocket-Protocol\\);`),
  );
});

t.test("an agent whose proxy speaks HTTP/1.0 to the relay hears that the upgrade is lost there", async (t) => {
  const proxy = await alteringProxy(t, stack.homeUrl, { request: inHttp10 });
  t.match(await problemOf(t, proxy), `${ALTERS} (the relay got a request without Upgrade); have it speak HTTP/1.1`);
});

t.test("a proxy that takes out extensions and adds headers of its own is none's business", async (t) => {
  const proxy = await alteringProxy(t, stack.homeUrl, {
    request: without("Sec-WebSocket-Extensions"),
    answer: (head) => head.replace("\r\n", "\r\nVia: 1.1 odd\r\nX-Odd: yes\r\n"),
  });
  await welcomed(t, proxy);
  t.pass("it is welcomed");
});

t.test("clients whose proxy speaks HTTP/1.0 to the relay are not told of a wrong chat", async (t) => {
  const alice = await stack.clientToken("alice");
  const workspace = randomUUID();
  // an agent is there: nothing else is in the way
  await welcomed(t, stack.homeUrl, { token: tokenFile(await stack.agentToken(workspace), () => {}) });
  const chat = await stack.bind({ workspace, owner: "alice", paths: ["/"] });
  const url = await alteringProxy(t, stack.homeUrl, { request: inHttp10 });
  const stop = new AbortController();
  t.teardown(() => stop.abort());
  let told = "";
  const stderr = { write: (text: string) => (told += text) };
  const common = { url, chat, token: alice, signal: stop.signal };
  const watching = watchInTerminal({ ...common, json: true, refresh: false, stdout: stderr, stderr });
  t.equal(
    await until("the terminal says why", () => told.endsWith("\n") && told),
    "a proxy before the relay alters the upgrade: the relay got a request without Upgrade; trying again\n",
  );
  const why = await new Promise<string>((onError) => void followTrees({ ...common, onError }, {}).next());
  t.equal(
    why,
    "a proxy before the relay alters the upgrade: the relay got a request without Upgrade",
    "and the library",
  );
  stop.abort();
  await watching;
});

t.test("an HTTP proxy that never answers CONNECT is left each time, and no socket stays", async (t) => {
  const open = new Set<Socket>();
  let seen = 0;
  const proxy = createServer((socket) => {
    seen += 1;
    open.add(socket.resume());
    socket.on("error", () => {});
    socket.on("close", () => open.delete(socket));
  }).listen(0, "127.0.0.1");
  await once(proxy, "listening");
  t.teardown(() => proxy.close());
  const { port } = proxy.address() as AddressInfo;
  const dial = () => ({ headers: {}, proxy: new URL(`http://127.0.0.1:${port}`) });
  const token = fixedToken("x");
  const problem = await problemOf(t, "https://relay.test", { token, dial, times: { handshakeMs: 50 } });
  t.match(problem, `(the proxy 127.0.0.1:${port} did not answer CONNECT in 0.05 s)`);
  await until("twenty attempts", () => seen >= 20);
  await until("at most one is open", () => open.size <= 1, { seen: () => open.size });
});
