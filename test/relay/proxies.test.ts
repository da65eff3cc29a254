import type { IncomingMessage } from "node:http";
import t from "tap";
import { Proxies } from "../../src/relay/proxies.js";

/** As much of a request as says where it comes from. */
function requestFrom(remoteAddress: string, headers: IncomingMessage["headers"]): IncomingMessage {
  return { headers, socket: { remoteAddress } } as IncomingMessage;
}

t.test("without proxies no header is believed", (t) => {
  const proxies = new Proxies([]);
  const request = requestFrom("10.0.0.1", {
    host: "relay.test",
    "x-forwarded-for": "192.0.2.1",
    "x-forwarded-host": "evil.test",
  });
  t.equal(proxies.address(request), "10.0.0.1");
  t.equal(proxies.host(request), "relay.test");
  t.end();
});

t.test("a proxy is believed for as far as the proxies reach", (t) => {
  const proxies = new Proxies(["10.0.0.0/8", "loopback"]);
  const headers = { host: "inner", "x-forwarded-for": "192.0.2.1, 203.0.113.5, 10.1.1.1", "x-forwarded-host": "a, b" };
  t.equal(proxies.address(requestFrom("127.0.0.1", headers)), "203.0.113.5", "who told the first trusted proxy");
  t.equal(proxies.host(requestFrom("10.0.0.1", headers)), "b", "what the nearest one says");
  t.equal(proxies.host(requestFrom("192.0.2.9", headers)), "inner", "no proxy");
  t.equal(proxies.host(requestFrom("10.0.0.1", {})), "", "nobody said");
  t.end();
});

t.test("what is no address is refused with its name", (t) => {
  t.throws(() => new Proxies(["10.0.0.0/8", "nonsense"]), { code: "TW_BAD_USAGE", message: /10\.0\.0\.0\/8,nonsense/ });
  t.end();
});
