import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import t from "tap";
import { startProgram } from "../../support/program.js";
import { SlowAddress } from "../../support/slow-address.js";
import { tempDir } from "../../support/temp.js";
import { until } from "../../support/until.js";

/** Has a program find the addresses of TEST_ADDRESSES behind the upstream's name. */
const RESOLVER = `
  const dns = require("node:dns");
  const { lookup } = dns;
  const found = process.env.TEST_ADDRESSES.split(" ").map((address) => ({ address, family: 4 }));
  dns.lookup = (name, options, done) => {
    if (name === "upstream.test") process.nextTick(done, null, found);
    else lookup(name, options, done);
  };
`;

t.test("an upstream whose address takes longer than 250 ms is not given up for a dead one", async (t) => {
  const upstream = createServer((_request, response) => response.end("{}")).listen(0, "127.0.0.1");
  await once(upstream, "listening");
  t.teardown(() => {
    upstream.closeAllConnections();
    upstream.close();
  });
  const { port } = upstream.address() as AddressInfo;
  const slow = await SlowAddress.open(t, "127.0.0.2", port, port);
  const nobody = "127.0.0.9";
  const dir = tempDir(t);
  const resolver = join(dir, "resolver.cjs");
  writeFileSync(resolver, RESOLVER);
  const args = ["serve", "--data-dir", join(dir, "data"), "--listen", "127.0.0.1:0"];
  const relay = startProgram(t, "relay", [...args, "--upstream", `http://upstream.test:${port}`], {
    env: { NODE_OPTIONS: `--require ${resolver}`, TEST_ADDRESSES: `${slow.address} ${nobody}` },
  });
  const { url } = JSON.parse(await relay.line("where it listens", (line) => line.includes("listening")));
  const asked = fetch(`${url}/api/v2/chats/x`, { headers: { "Coder-Session-Token": "x" } });
  await until("it is asked", () => slow.asked > 0);
  slow.answer();
  t.equal((await asked).status, 200);
});
