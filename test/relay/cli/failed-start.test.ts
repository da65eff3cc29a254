import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import t from "tap";
import { createToken, listTokens, type RelayOptions, startRelay } from "../../../src/relay/index.js";
import { silentLogger } from "../../../src/util/index.js";
import { runProgram } from "../../support/program.js";
import { type Cleanup, tempDir } from "../../support/temp.js";

/** A port of loopback where somebody else listens. */
async function takenPort(t: Cleanup): Promise<number> {
  const server = createServer();
  t.teardown(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("a port");
  return address.port;
}

t.test("a relay that cannot start leaves everything as it was", async (t) => {
  const port = await takenPort(t);
  const files = tempDir(t);
  const garbage = join(files, "garbage.pem");
  writeFileSync(garbage, "no key\n");
  const missing = join(files, "missing.pem");
  const failing: [string, Partial<RelayOptions>, string][] = [
    ["a port that is taken", { port }, "TW_LISTEN_FAILED"],
    ["a port for metrics that is taken", { metricsListen: { host: "127.0.0.1", port } }, "TW_LISTEN_FAILED"],
    ["an address of another machine", { host: "192.0.2.1" }, "TW_LISTEN_FAILED"],
    ["a certificate that is missing", { tlsCert: missing, tlsKey: garbage }, "TW_TLS_FILES"],
    ["a key that is none", { tlsCert: garbage, tlsKey: garbage }, "TW_TLS_FILES"],
    ["an upstream that is no URL", { upstream: "ftp://x" }, "TW_BAD_USAGE"],
    ["a proxy that is no address", { trustProxy: ["nobody"] }, "TW_BAD_USAGE"],
  ];
  for (const [what, options, code] of failing) {
    const parent = tempDir(t);
    const start = (dataDir: string) => startRelay({ port: 0, log: silentLogger(), ...options, dataDir });
    await t.rejects(start(join(parent, "new", "data")), { code }, what);
    t.same(readdirSync(parent), [], `${what}: no directory is left behind`);

    mkdirSync(join(parent, "empty"));
    await t.rejects(start(join(parent, "empty")), { code });
    t.same(readdirSync(join(parent, "empty")), [], `${what}: nor anything in one that was there`);
  }
});

t.test("what was in a directory stays when a start fails, and the next one finds it", async (t) => {
  const dataDir = tempDir(t);
  await createToken(dataDir, { kind: "client", user: "me" });
  const before = readdirSync(dataDir);
  const port = await takenPort(t);
  await t.rejects(startRelay({ port, log: silentLogger(), dataDir }), { code: "TW_LISTEN_FAILED" });
  t.same(readdirSync(dataDir), before);
  t.equal((await listTokens(dataDir)).length, 1);
  const relay = await startRelay({ port: 0, log: silentLogger(), dataDir });
  await t.rejects(startRelay({ port: 0, log: silentLogger(), dataDir }), { code: "TW_DATA_DIR_IN_USE" });
  t.ok(existsSync(join(dataDir, "serve.pid")), "a relay that runs loses nothing to one that may not");
  await relay.close();
});

t.test("a token that was made while a start was failing is kept", async (t) => {
  const dataDir = join(tempDir(t), "data");
  const port = await takenPort(t);
  const failing = t.rejects(startRelay({ port, log: silentLogger(), dataDir }), { code: "TW_LISTEN_FAILED" });
  await createToken(dataDir, { kind: "client", user: "me" }); // it has made its database, and does not listen yet
  await failing;
  t.equal((await listTokens(dataDir)).length, 1);
});

t.test("settings and invitations that cannot count end `serve` in one line, before anything is made", async (t) => {
  const port = await takenPort(t);
  const parent = tempDir(t);
  const dataDir = join(parent, "data");
  const unreadable = join(tempDir(t), "relay.toml");
  const failing: [string[], number, RegExp][] = [
    [["--config", unreadable], 2, /relay\.toml/],
    [["--invite", "--url", "relay.example"], 2, /--url/],
    [["--invite", "--path", "src"], 2, /--path src.*not an absolute path/],
    [["--invite", "--uses", "0"], 2, /--uses/],
    [["--invite", "--listen", `127.0.0.1:${port}`], 1, /another program listens there/],
  ];
  for (const [args, status, words] of failing) {
    const listen = args.includes("--listen") ? [] : ["--listen", "127.0.0.1:0"];
    const ended = await runProgram(t, "relay", ["serve", "--data-dir", dataDir, ...listen, ...args]);
    t.same([ended.status, ended.stdout], [status, ""], args.join(" "));
    t.match(ended.stderr, words);
    t.equal(ended.stderr.split("\n").length, 2, "one line");
    t.same(readdirSync(parent), [], args.join(" "));
  }
});
