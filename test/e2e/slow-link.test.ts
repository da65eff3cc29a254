import { randomBytes, randomUUID } from "node:crypto";
import t, { type Test } from "tap";
import { TREE_MESSAGE_PART_BYTES } from "../../src/protocol/index.js";
import { DEFAULT_LIMITS } from "../../src/relay/limit-options.js";
import { TestRelay } from "../relay/support/relay.js";
import { BadLink } from "../support/bad-network.js";
import { startLinkedAgent } from "../support/linked-agent.js";
import { createRepo, type TestRepo } from "../support/repo.js";
import { until } from "../support/until.js";
import { WatchClient } from "../support/watch-client.js";

/** `npm run faults` sends 3 MB over 64 kbit/s, with the times of life; a test run does the same in less. */
const IN_REAL_TIME = process.env.SLOW_LINK === "1";

interface Scale {
  bytesPerSecond: number;
  /** Bytes of one new file. */
  fileBytes: number;
  pingMs: number;
  silenceMs: number;
}

const LIFE: Scale = { bytesPerSecond: 8_000, fileBytes: 2_900_000, pingMs: 15_000, silenceMs: 25_000 };
/** As in life, a part takes a fraction of the silence, and the file more than a peer may leave a ping unanswered. */
const HASTE: Scale = { bytesPerSecond: 250_000, fileBytes: 1_500_000, pingMs: 1_000, silenceMs: 2_000 };
const scale = IN_REAL_TIME ? LIFE : HASTE;

/** Lines that do not pack well. */
function noise(bytes: number): string {
  const text = randomBytes(Math.ceil((bytes * 3) / 4)).toString("base64");
  return `${text.match(/.{1,80}/g)?.join("\n")}\n`;
}

/** A relay, an agent behind a slow link, a tree with a large new file, a small tree, and who watches them directly. */
async function world(t: Test) {
  const limits = { ...DEFAULT_LIMITS, pingIntervalMs: scale.pingMs };
  const relay = await TestRelay.start(t, { limits });
  const link = await BadLink.open(t, Number(new URL(relay.url).port));
  link.bytesPerSecond = scale.bytesPerSecond;
  const large = createRepo(t, { "a.txt": "0\n" });
  const small = createRepo(t, { "a.txt": "0\n" });
  const watch = async (repo: TestRepo) => {
    const chat = await relay.bind({ chat: randomUUID(), paths: [repo.root] });
    return { chat, url: `${relay.url}/api/v2/chats/${chat}/git/watch` };
  };
  const [largeChat, smallChat] = [await watch(large), await watch(small)];
  const { log } = startLinkedAgent(t, {
    url: `http://127.0.0.1:${link.port}`,
    token: relay.agentToken,
    tunnel: { times: { pingMs: scale.pingMs, silenceMs: scale.silenceMs }, retry: { next: () => 50 } },
  });
  const smallClient = await WatchClient.watch(t, relay.url, smallChat.chat, relay.clientToken);
  large.write("large.txt", noise(scale.fileBytes));
  const startedAt = performance.now();
  const receivedBefore = link.received;
  const largeClient = await WatchClient.open(t, largeChat.url, { token: relay.clientToken });
  return {
    link,
    small,
    smallClient,
    log,
    /** What the agent has sent since. */
    sent: () => link.received - receivedBefore,
    elapsedMs: () => performance.now() - startedAt,
    hasArrived: () => largeClient.repositories.get(large.root)?.unified_diff.includes("+++ b/large.txt") === true,
  };
}

const connections = (log: readonly string[]) => log.filter((line) => line.includes('"connected"')).length;

t.test(
  "a first state that takes longer than silence may last arrives, and edits of another tree meanwhile",
  async (t) => {
    const { link, small, smallClient, log, sent, elapsedMs, hasArrived } = await world(t);
    await until("the upload has begun", () => sent() > TREE_MESSAGE_PART_BYTES);
    for (const edit of ["one", "two", "three"]) {
      small.write("a.txt", `${edit}\n`);
      await smallClient.diffWith(small.root, `+${edit}`);
      t.notOk(hasArrived(), `edit ${edit} came before the large state was there`);
    }
    await until("it has arrived", hasArrived, { progress: sent, seen: () => log.slice(-5) });
    t.equal(connections(log), 1, "on the first connection");
    t.ok(sent() < 1.2 * scale.fileBytes, `once: ${sent()} bytes`);
    const idealMs = (sent() / scale.bytesPerSecond) * 1_000;
    t.comment(`${Math.round(elapsedMs())} ms for what takes ${Math.round(idealMs)} ms`);
    if (IN_REAL_TIME) t.ok(elapsedMs() < 1.3 * idealMs, "in hardly more time than its bytes take");
    t.equal(link.connections, 1);
  },
);

t.test("a link that is cut costs a part of what has arrived at most, each time", async (t) => {
  const { link, log, sent, hasArrived } = await world(t);
  const cuts = 5;
  for (let cut = 1; cut <= cuts; cut += 1) {
    const goal = (cut / (cuts + 1)) * 0.75 * scale.fileBytes;
    await until(`so much has come before cut ${cut}`, () => sent() > goal, { progress: sent });
    link.fail("cut");
    link.heal();
    await until(`connection ${cut + 1}`, () => connections(log) > cut, { seen: () => log.slice(-5) });
  }
  await until("it has arrived", hasArrived, { progress: sent, seen: () => log.slice(-5) });
  // packed, the file has its three quarters and a little; the rest is the cuts' and the handshakes'
  const most = 0.8 * scale.fileBytes + cuts * (TREE_MESSAGE_PART_BYTES + 4_096);
  t.ok(sent() < most, `${sent()} bytes of at most ${most}`);
});
