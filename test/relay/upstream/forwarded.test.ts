import type { IncomingMessage } from "node:http";
import t from "tap";
import { Proxies } from "../../../src/relay/proxies.js";
import { forwarding } from "../../../src/relay/upstream/forwarded.js";
import { ask } from "../support/raw.js";
import { TestRelay } from "../support/relay.js";

/** What callers may say of themselves, in the spelling that they choose. */
const CLAIMS = {
  "X-Forwarded-For": "198.51.100.1",
  "X-Forwarded-Proto": "https",
  "X-Forwarded-Host": "evil.example",
  "X-Forwarded-Port": "1",
  "X-Forwarded-Prefix": "/evil",
  "X-Forwarded-User": "root",
  X_Forwarded_For: "198.51.100.2",
  Forwarded: "for=198.51.100.3",
  Via: "1.1 evil",
  "X-Real-IP": "198.51.100.4",
  X_Real_IP: "198.51.100.5",
  "X-Client-IP": "198.51.100.6",
  "Client-IP": "198.51.100.7",
  "True-Client-IP": "198.51.100.8",
  "CF-Connecting-IP": "198.51.100.9",
  "X-Original-URL": "/evil",
  "X-Rewrite-URL": "/evil",
};

async function callWith(t: Parameters<typeof TestRelay.start>[0], trustProxy: string[]) {
  const relay = await TestRelay.start(t, { mode: "upstream", trustProxy });
  const { recorder } = relay;
  if (recorder === undefined) throw new Error("no upstream");
  return async (headers: Record<string, string>) => {
    const own = { Host: "relay.example", "Coder-Session-Token": relay.clientToken, Connection: "close" };
    const lines = Object.entries({ ...own, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
    await ask(t, relay.url, `GET /chats/${relay.chat} HTTP/1.1\r\n${lines.join("")}\r\n`);
    return recorder.requests.at(-1)?.headers ?? {};
  };
}

t.test("what a caller says of itself does not reach the upstream, and the relay says what is so", async (t) => {
  const call = await callWith(t, []);
  for (const claims of [{}, CLAIMS, { ...CLAIMS, Connection: "close, X-Forwarded-For, X-Real-IP" }]) {
    const got = await call({ ...claims, "X-Own": "kept" });
    t.match(got, {
      "x-own": "kept",
      "x-forwarded-for": "127.0.0.1",
      "x-forwarded-proto": "http",
      "x-forwarded-host": "relay.example",
    });
    t.notMatch(JSON.stringify(got), /198\.51|evil|root/);
    const named = Object.keys(got).filter((name) => /^x.forwarded/.test(name));
    t.same(named.sort(), ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"]);
  }
});

t.test("a trusted proxy is believed, and the relay adds that proxy's address", async (t) => {
  const call = await callWith(t, ["loopback"]);
  const said = {
    "X-Forwarded-For": "198.51.100.1, 203.0.113.7",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "chat.example",
    "X-Forwarded-Prefix": "/chat",
    "X-Real-IP": "203.0.113.7",
  };
  t.match(await call(said), {
    "x-forwarded-for": "203.0.113.7, 127.0.0.1",
    "x-forwarded-proto": "https",
    "x-forwarded-host": "chat.example",
    "x-forwarded-prefix": "/chat",
    "x-real-ip": "203.0.113.7",
  });
  t.match(await call({ "X-Forwarded-Proto": "gopher" }), {
    "x-forwarded-for": "127.0.0.1",
    "x-forwarded-proto": "http",
    "x-forwarded-host": "relay.example",
  });
});

t.test("a caller that is gone by the time is no trusted one", (t) => {
  const request = { headers: { host: "x" }, socket: {} } as IncomingMessage;
  t.match(forwarding(new Proxies(["loopback"]), request)({ "x-real-ip": "198.51.100.1" }), {
    "x-real-ip": undefined,
    "x-forwarded-host": "x",
  });
  t.end();
});
