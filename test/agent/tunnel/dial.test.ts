import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { dial, proxyName } from "../../../src/agent/tunnel/dial.js";
import { type Cleanup, tempDir } from "../../support/temp.js";

const WSS = new URL("wss://relay.example/treewire/tunnel");
const WS = new URL("ws://relay.example/treewire/tunnel");

/** The proxy's variables, as long as the test goes on. */
function proxies(t: Cleanup, variables: Record<string, string>): void {
  const names = ["http_proxy", "https_proxy", "no_proxy", "all_proxy"].flatMap((name) => [name, name.toUpperCase()]);
  const before = names.map((name) => [name, process.env[name]] as const);
  for (const name of names) delete process.env[name];
  Object.assign(process.env, variables);
  t.teardown(() => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });
}

t.test("without settings an attempt takes nothing besides", async (t) => {
  proxies(t, {});
  t.same(dial(WSS, {}), { headers: {} });
});

t.test("headers are taken apart at the first colon", async (t) => {
  proxies(t, {});
  t.same(dial(WSS, { headers: ["X-Gate:  open: really ", "Cookie: a=b"] }).headers, {
    "X-Gate": "open: really",
    Cookie: "a=b",
  });
});

t.test("what is no header, or would be one of the tunnel's own, is refused and not repeated", async (t) => {
  proxies(t, {});
  const refused = (header: string, message: RegExp) =>
    t.throws(() => dial(WSS, { headers: [header] }), { code: "TW_BAD_CONFIG", message }, header);
  for (const header of ["hush-hush", ": hush-hush", "X Y: hush-hush", "X-Gate: hush-hush\r\nX-Other: y"]) {
    refused(header, /^header: (?!.*hush).*not NAME: VALUE/);
  }
  for (const name of ["Authorization", "upgrade", "HOST", "Sec-WebSocket-Key"]) {
    refused(`${name}: x`, new RegExp(`${name} is the tunnel's own`));
  }
});

t.test("PEM files are read at each attempt, and one that cannot be read is named with its setting", async (t) => {
  proxies(t, {});
  const dir = tempDir(t);
  const [caFile, certFile, keyFile] = ["ca.pem", "cert.pem", "key.pem"].map((name) => join(dir, name));
  for (const file of [caFile, certFile, keyFile]) writeFileSync(String(file), "one");
  t.match(dial(WSS, { caFile, certFile, keyFile }), { ca: "one", cert: "one", key: "one" });
  writeFileSync(String(keyFile), "two");
  t.match(dial(WSS, { caFile, certFile, keyFile }), { cert: "one", key: "two" });
  t.throws(() => dial(WSS, { certFile: join(dir, "no.pem") }), {
    code: "TW_BAD_CONFIG",
    message: /no\.pem: .*cert-file: ENOENT/,
  });
});

t.test("the environment's proxy counts by the tunnel's scheme, and not for hosts that are left out", async (t) => {
  proxies(t, { HTTPS_PROXY: "http://me:hush@secure.example:3128", http_proxy: "http://plain.example:3128" });
  t.equal(proxyName(WSS), "secure.example:3128", "without its password");
  t.equal(proxyName(WS), "plain.example:3128");
  t.equal(dial(WSS, {}).proxy?.href, "http://me:hush@secure.example:3128/");
  process.env.NO_PROXY = "relay.example";
  t.equal(proxyName(WSS), "");
  t.equal(dial(WSS, {}).proxy, undefined);
});

t.test("a proxy that is no URL is refused and not repeated", async (t) => {
  for (const proxy of ["socks5://me:hush@proxy.example", "http://me:hush@"]) {
    proxies(t, { HTTPS_PROXY: proxy });
    t.throws(() => dial(WSS, {}), { code: "TW_BAD_CONFIG", message: /^HTTPS_PROXY: (?!.*hush)/ }, proxy);
  }
});
