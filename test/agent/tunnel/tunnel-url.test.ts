import t from "tap";
import { tunnelUrl } from "../../../src/agent/tunnel/tunnel-url.js";

t.test("the tunnel's address follows from the relay's", async (t) => {
  const cases = {
    "http://127.0.0.1:7700": "ws://127.0.0.1:7700/treewire/tunnel",
    "https://relay.example/": "wss://relay.example/treewire/tunnel",
    "ws://relay.example": "ws://relay.example/treewire/tunnel",
    "wss://relay.example/behind/a/proxy/": "wss://relay.example/behind/a/proxy/treewire/tunnel",
    "http://[::1]:80": "ws://[::1]/treewire/tunnel",
  };
  for (const [relay, tunnel] of Object.entries(cases)) t.equal(tunnelUrl(relay).href, tunnel);
});

t.test("what is no relay's address is refused in one line", async (t) => {
  for (const text of [
    "",
    "relay.example",
    "ftp://relay.example",
    "https://",
    "http://a b/",
    "https://h/?q=1",
    "https://h/#f",
  ]) {
    t.throws(() => tunnelUrl(text), { code: "TW_BAD_URL" }, text);
  }
});

t.test("a password in the address is refused and not repeated", async (t) => {
  t.throws(() => tunnelUrl("https://me:secret@relay.example/"), {
    code: "TW_BAD_URL",
    message: /^relay\.example: (?!.*secret)/,
  });
});
