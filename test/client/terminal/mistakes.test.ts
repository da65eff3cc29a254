import t from "tap";
import { startRelay } from "../../../src/relay/index.js";
import { silentLogger } from "../../../src/util/index.js";
import { TestRelay } from "../../relay/support/relay.js";
import { makeCertificates, withoutOpenssl } from "../../support/certificates.js";
import { runProgram, startProgram } from "../../support/program.js";
import { tempDir } from "../../support/temp.js";
import { until } from "../../support/until.js";

t.test("what cannot mend itself ends the watching with one line", { skip: withoutOpenssl }, async (t) => {
  const relay = await TestRelay.start(t);
  const { ca, server } = makeCertificates(t);
  const secure = await startRelay({
    ...{ dataDir: tempDir(t), port: 0, log: silentLogger() },
    ...{ tlsCert: server.cert, tlsKey: server.key },
  });
  t.teardown(() => secure.close());
  const [plain, https] = [new URL(relay.url).host, new URL(secure.url).host];
  const rows: [what: string, args: string[], token: string, status: number, line: RegExp][] = [
    ["a private authority", ["--url", secure.url], "x", 1, /certificate is not trusted .*--ca-file/],
    ["which is named", ["--url", secure.url, "--ca-file", ca], "x", 77, /rejects the token/],
    ["https to http", ["--url", `https://${plain}`], "x", 2, new RegExp(`mixed up .*try http://${plain}`)],
    ["http to https", ["--url", `http://${https}`], "x", 2, new RegExp(`mixed up .*try https://${https}`)],
    ["a wrong path", ["--url", `${relay.url}/foo`], "x", 2, /\/foo: there is a relay, but not at this path/],
    ["an agent's token", ["--url", relay.url], relay.agentToken, 77, /an agent's; watch takes a client's token/],
    ["no such file", ["--url", secure.url, "--ca-file", "/nowhere"], "x", 2, /ca-file: ENOENT/],
  ];
  for (const [what, args, token, status, line] of rows) {
    const env = { TREEWIRE_TOKEN: token };
    const result = await runProgram(t, "treewire", ["watch", relay.chat, ...args], { env });
    t.match(result, { status, stderr: line }, what);
    t.match(result.stderr, /^treewire: [^\n]*\n$/, "one line");
  }
});

t.test("nobody who listens is waited for, and that is said in words with what to do", async (t) => {
  const watch = startProgram(t, "treewire", ["watch", "11111111-2222-4333-8444-555555555555"], {
    env: { TREEWIRE_TOKEN: "x", TREEWIRE_URL: "http://127.0.0.1:1" },
  });
  await until("it says so", () => watch.stderr.includes("\n"), { seen: () => watch.stderr });
  const words =
    "the relay cannot be reached (nothing listens at 127.0.0.1:1 (ECONNREFUSED)); check the URL and the network";
  t.equal(watch.stderr, `127.0.0.1:1: ${words}; trying again\n`);
  t.ok(watch.running);
});
