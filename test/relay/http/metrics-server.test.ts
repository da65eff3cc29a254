import t from "tap";
import { startProgram } from "../../support/program.js";
import { tempDir } from "../../support/temp.js";
import { refusedUpgrade } from "../../support/watch-client.js";
import { ask, RawConnection } from "../support/raw.js";
import { TestRelay } from "../support/relay.js";

const metricsListen = { host: "127.0.0.1", port: 0 };

t.test("metrics have an address of their own, where nothing else is served", async (t) => {
  const relay = await TestRelay.start(t, { metricsListen });
  const { origin, pathname } = new URL(relay.metricsUrl);
  t.equal(pathname, "/metrics");
  const got = await fetch(relay.metricsUrl);
  t.equal(got.status, 200);
  t.match(got.headers.get("content-type"), /^text\/plain; version=/);
  const text = await got.text();
  for (const name of ["uploads", "file_bytes", "file_quota_used_ratio", "free_bytes", "watch_sockets"]) {
    t.match(text, new RegExp(`^treewire_${name} \\d`, "m"));
  }
  const head = await fetch(relay.metricsUrl, { method: "HEAD" });
  t.same([head.status, await head.text()], [200, ""]);
  for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
    const { status, headers } = await fetch(relay.metricsUrl, { method });
    t.same([status, headers.get("allow")], [405, "GET, HEAD"], method);
  }
  for (const path of ["/", "/healthz", "/admin/tokens", `/chats/${relay.chat}`, "/metrics/x", "//metrics"]) {
    t.equal((await fetch(origin + path)).status, 404, path);
  }
  const headers = { "coder-session-token": relay.clientToken };
  const upgrade = await refusedUpgrade(t, `${origin}/chats/${relay.chat}/git/watch`, { headers });
  t.equal(upgrade.status, 404);
  t.equal((await ask(t, origin, "GET http://x/metrics HTTP/1.1\r\nHost: x\r\n\r\n")).status, 400);
});

t.test("scrapers that hold every connection open keep nobody else from the relay", async (t) => {
  const relay = await TestRelay.start(t, { metricsListen });
  const connections = Array.from({ length: 100 }, () => new RawConnection(t, relay.metricsUrl));
  const open = () => connections.filter(({ socket }) => !socket.destroyed).length;
  let over = 0;
  for (const connection of connections) void connection.closed().then(() => (over += 1));
  while (over < 68) await new Promise((resolve) => setImmediate(resolve));
  t.equal(open(), 32, "more than a few are turned away at once");
  t.equal((await fetch(`${relay.url}/healthz`)).status, 200);
  await relay.stop();
  t.equal(over >= 68, true, "and they do not hold up the end");
});

t.test("`relay serve` says where they are, and a port that is taken is one line", async (t) => {
  const args = ["serve", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0", "--data-dir"];
  const serve = startProgram(t, "relay", [...args, tempDir(t)]);
  const ready = JSON.parse(await serve.line("the listening line", () => true));
  t.match(ready, { event: "listening", url: /^http:/, metrics_url: /^http:\/\/127\.0\.0\.1:\d+\/metrics$/ });
  t.equal((await fetch(ready.metrics_url)).status, 200);
  const taken = new URL(ready.metrics_url).host;
  const second = startProgram(t, "relay", [...args.with(4, taken), tempDir(t)]);
  t.equal((await second.exit()).status, 1);
  t.match(second.stderr, /^relay: 127\.0\.0\.1:\d+: cannot listen \(.*\); .*\n$/);
  t.equal((await serve.stop()).status, 0);
});
