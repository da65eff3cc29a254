import { randomUUID } from "node:crypto";
import t, { type Test } from "tap";
import { TrackStore } from "../../src/agent/chats/track-store.js";
import { Daemon } from "../../src/agent/daemon.js";
import { dial } from "../../src/agent/tunnel/dial.js";
import { tunnelUrl } from "../../src/agent/tunnel/tunnel-url.js";
import { createLogger, RetryDelay, tokenFile } from "../../src/util/index.js";
import { findRepositories, resolveRoot, TreeHost } from "../../src/worktree/index.js";
import { BadLink, connectProxy, FAULTS } from "../support/bad-network.js";
import { makeCertificates, tlsFront, withoutOpenssl } from "../support/certificates.js";
import { startProgram } from "../support/program.js";
import { drawSeed, Random, SEED } from "../support/random.js";
import { createRepo } from "../support/repo.js";
import { Stack } from "../support/stack.js";
import { ALLOW_TEMP, type Cleanup, tempDir } from "../support/temp.js";
import { until } from "../support/until.js";
import { WatchClient } from "../support/watch-client.js";

/** What must hold: a client's state is right this long after the link's return. */
const RIGHT_WITHIN_MS = 35_000;
/** So many faults in all: `npm run faults` has 500, a test run fewer. */
const ROUNDS = Number(process.env.ROUNDS ?? 120);
/** The agent's times and delays are this much shorter than in life, so that a round takes what 35 s take in life. */
const HASTE = 100;
/** `npm run faults` also lets each fault happen to the built program, with the times of life. */
const IN_REAL_TIME = process.env.REAL_TIME === "1";
/** `npm run faults` draws the faults anew each time. */
const seed = IN_REAL_TIME ? drawSeed() : SEED;
t.comment(`TREEWIRE_TEST_SEED=${seed}`);
/** How long a fault lasts there. Milliseconds: the link is given up, and is tried again and again. */
const REAL_FAULT_MS = 45_000;
/** What must hold: a half-open link is noticed so soon. Milliseconds. */
const NOTICED_WITHIN_MS = 30_000;

const stack = await Stack.start(t);
const alice = await stack.clientToken("alice");
const relayPort = Number(new URL(stack.homeUrl).port);

const unhandled: unknown[] = [];
process.on("unhandledRejection", (reason) => unhandled.push(reason));

interface World {
  /** The relay's URL, as the agent of this world knows it. */
  url: string;
  /** Where faults happen. */
  link: BadLink;
  caFile?: string;
}

/** An agent in this process, so that what it holds can be counted, and a client that reaches the relay directly. */
async function startAgent(t: Cleanup, { url, caFile }: Omit<World, "link">) {
  const workspace = randomUUID();
  const logger = createLogger("agent", "debug", { write: (line) => void log.push(line) });
  const log: string[] = [];
  const host = new TreeHost({ logger: createLogger("agent", "silent") });
  const address = tunnelUrl(url);
  const daemon = new Daemon({
    url: address,
    token: tokenFile(await stack.agentToken(workspace), () => {}),
    dial: () => dial(address, { caFile }),
    roots: [tempDir(t)],
    agent: "treewire/test",
    logger,
    source: host,
    finder: {
      allowedFor: async () => ["/"],
      findRepositories: (directory) => findRepositories(directory),
      resolveRoot,
      kind: () => "directory",
    },
    tracked: TrackStore.unremembered(logger),
    tunnel: {
      times: { handshakeMs: 15_000 / HASTE, pingMs: 15_000 / HASTE, silenceMs: 25_000 / HASTE },
      retry: hastened(new RetryDelay()),
    },
  });
  const ended = daemon.run();
  t.teardown(async () => {
    await daemon.stop();
    await ended;
    await host.close();
  });
  const repo = createRepo(t, { "a.txt": "0\n" });
  const chat = await stack.bind({ workspace, owner: "alice", paths: [repo.root] });
  const client = await WatchClient.watch(t, stack.url, chat, alice);
  return { daemon, repo, client, log };
}

/** The delays of life, and what they depend on, in the haste of these tests. */
function hastened(retry: RetryDelay): Pick<RetryDelay, "next"> {
  return { next: ({ lastedMs, welcomed }) => retry.next({ lastedMs: lastedMs * HASTE, welcomed }) / HASTE };
}

/** What this process holds of the system. */
async function holdings(daemon: Daemon) {
  const reply = await daemon.handle({ type: "status" });
  return {
    sockets: process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length,
    watches: reply.type === "status" ? (reply.status.watches?.used ?? 0) : 0,
  };
}

const pass = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Lets the link fail again and again while a file is edited; after each time the client must come to be right. */
async function misbehave(t: Test, world: World): Promise<void> {
  const rounds = Math.ceil(ROUNDS / 3);
  const random = new Random(seed);
  const { daemon, repo, client, log } = await startAgent(t, world);
  const before = await holdings(daemon);
  let heap = 0;
  let connections = 0;
  for (let round = 1; round <= rounds; round += 1) {
    const fault = random.pick(FAULTS);
    repo.write("a.txt", `${round} before ${"x".repeat(random.next() * 2_000)}\n`);
    world.link.fail(fault);
    if (random.chance(0.5)) repo.write("a.txt", `${round} meanwhile\n`);
    await pass(random.next() * 60);
    world.link.heal();
    if (random.chance(0.5)) repo.write("a.txt", `${round} after\n`);
    const expected = `${repo.git("diff", "--full-index", "HEAD")}\n`;
    await until(
      `round ${round}, ${fault} (seed ${seed}): the client is right`,
      () => client.repositories.get(repo.root)?.unified_diff === expected,
      { deadlineMs: RIGHT_WITHIN_MS, seen: () => ({ last: client.messages.slice(-2), log: log.slice(-5) }) },
    );
    if (round === Math.floor(rounds / 2)) heap = process.memoryUsage().heapUsed;
    client.messages.length = 0;
    connections += log.filter((line) => line.includes('"connected"')).length;
    log.length = 0;
  }
  await until("as few sockets as before", async () => (await holdings(daemon)).sockets <= before.sockets + 2, {
    seen: () => process.getActiveResourcesInfo(),
  });
  t.ok(connections > rounds / 4, `it was connected ${connections} times`);
  t.equal((await holdings(daemon)).watches, before.watches, "as many file watches as before");
  t.ok(process.memoryUsage().heapUsed < heap + 50 * 1024 * 1024, "no more memory than half-way");
  t.same(unhandled, [], "no unhandled rejection");
}

t.test("faults of a link: after each the client is right", async (t) => {
  const link = await BadLink.open(t, relayPort);
  await misbehave(t, { url: `http://127.0.0.1:${link.port}`, link });
});

/** Each fault once, with the times that people wait: two minutes, which `npm run faults` takes. */
async function inRealTime(t: Test): Promise<void> {
  const cases = FAULTS.map((fault) => async () => {
    const link = await BadLink.open(t, relayPort);
    const workspace = randomUUID();
    const args = ["--relay", `http://127.0.0.1:${link.port}`, "--token-file", await stack.agentToken(workspace)];
    const agent = startProgram(t, "agent", args, { env: ALLOW_TEMP });
    const repo = createRepo(t, { "a.txt": "0\n" });
    const chat = await stack.bind({ workspace, owner: "alice", paths: [repo.root] });
    const client = await WatchClient.watch(t, stack.url, chat, alice);
    const failedAt = performance.now();
    link.fail(fault);
    repo.write("a.txt", "meanwhile\n");
    if (fault === "halfOpen" || fault === "stall") {
      await until(`${fault} is noticed`, () => agent.stderr.includes("TW_RELAY_UNREACHABLE"), {
        deadlineMs: NOTICED_WITHIN_MS,
        seen: () => agent.stderr,
      });
      t.comment(`${fault}: noticed after ${Math.round(performance.now() - failedAt)} ms`);
    }
    await pass(REAL_FAULT_MS - (performance.now() - failedAt));
    const healedAt = performance.now();
    link.heal();
    const expected = `${repo.git("diff", "--full-index", "HEAD")}\n`;
    await until(`${fault}: right`, () => client.repositories.get(repo.root)?.unified_diff === expected, {
      deadlineMs: RIGHT_WITHIN_MS,
      seen: () => ({ last: client.messages.slice(-2), log: agent.stderr.slice(-1000) }),
    });
    t.pass(`${fault}: right ${Math.round(performance.now() - healedAt)} ms after the link's return`);
  });
  await Promise.all(cases.map((run) => run()));
}

if (IN_REAL_TIME) t.test("in real time", inRealTime);

t.test("with TLS", { skip: withoutOpenssl }, async (t) => {
  const certificates = makeCertificates(t);

  t.test("faults of a link to a relay with a certificate of a private authority", async (t) => {
    const link = await BadLink.open(t, await tlsFront(t, relayPort, certificates));
    await misbehave(t, { url: `https://127.0.0.1:${link.port}`, link, caFile: certificates.ca });
  });

  t.test("faults of a link to a proxy that wants a password, with TLS behind it", async (t) => {
    const front = await tlsFront(t, relayPort, certificates);
    const proxy = await connectProxy(t, "me:secret");
    const link = await BadLink.open(t, proxy.port);
    setProxy(t, `http://me:secret@127.0.0.1:${link.port}`);
    await misbehave(t, { url: `https://127.0.0.1:${front}`, link, caFile: certificates.ca });
    t.ok(proxy.seen() > ROUNDS / 12, "it went through the proxy");
  });

  t.test("a relay that asks agents for certificates and headers gets them", async (t) => {
    const front = await tlsFront(t, relayPort, certificates, { requestCert: true });
    const workspace = randomUUID();
    const { cert, key } = certificates.client;
    const files = ["--ca-file", certificates.ca, "--cert-file", cert, "--key-file", key, "--header", "X-Gate: open"];
    const url = `https://127.0.0.1:${front}`;
    const agent = startProgram(t, "agent", [
      "--relay",
      url,
      "--token-file",
      await stack.agentToken(workspace),
      ...files,
    ]);
    await until("it is connected", () => agent.stderr.includes('"connected"'), { seen: () => agent.stderr });
    t.pass("it is");
  });

  t.test("what is not in order is named, and tried again", async (t) => {
    const named = async (t: Test, url: string, caFile: string | undefined, words: RegExp) => {
      const env = { TREEWIRE_RELAY: url, TREEWIRE_AGENT_TOKEN: "x", ...(caFile && { TREEWIRE_CA_FILE: caFile }) };
      const agent = startProgram(t, "agent", [], { env: { ...env, HTTPS_PROXY: process.env.HTTPS_PROXY } });
      await until(`${words} in the log`, () => words.test(agent.stderr), { seen: () => agent.stderr });
      t.ok(agent.running);
    };
    const front = await tlsFront(t, relayPort, certificates);
    await named(
      t,
      `https://127.0.0.1:${front}`,
      undefined,
      /certificate is not trusted \(.*name it with ca-file \(SELF_SIGNED_CERT_IN_CHAIN\)/,
    );
    const strict = await tlsFront(t, relayPort, certificates, { requestCert: true });
    await named(t, `https://127.0.0.1:${strict}`, certificates.ca, /wants a client certificate that it trusts/);
    const proxy = await connectProxy(t, "me:secret");
    setProxy(t, `http://me:wrong@127.0.0.1:${proxy.port}`);
    await named(t, `https://127.0.0.1:${front}`, certificates.ca, /HTTP 407/);
  });
});

function setProxy(t: Cleanup, url: string): void {
  process.env.HTTPS_PROXY = url;
  t.teardown(() => {
    delete process.env.HTTPS_PROXY;
  });
}
