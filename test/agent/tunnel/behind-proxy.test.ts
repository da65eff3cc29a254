import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { Tunnel } from "../../../src/agent/tunnel/tunnel.js";
import { tunnelUrl } from "../../../src/agent/tunnel/tunnel-url.js";
import { fixedToken, silentLogger, type TokenSource, tokenFile } from "../../../src/util/index.js";
import { AnsweringProxy, STRANGERS_ANSWERS } from "../../support/answering-proxy.js";
import { FakeRelay } from "../../support/fake-relay.js";
import { type Cleanup, tempDir } from "../../support/temp.js";
import { until } from "../../support/until.js";

const RETRY_MS = 5;

function open(t: Cleanup, url: string, token: TokenSource) {
  const problems = new Set<string>();
  const tunnel = new Tunnel({
    url: tunnelUrl(url),
    token,
    agent: "treewire/test",
    logger: silentLogger(),
    retry: { next: () => RETRY_MS },
    rejectedGraceMs: 0,
    onWelcome: () => undefined,
    onMessage: () => undefined,
    onLost: () => undefined,
    onStatus: ({ problem }) => problem !== undefined && problems.add(problem),
  });
  const ended = tunnel.run();
  t.teardown(async () => {
    await tunnel.stop();
    await ended.catch(() => undefined);
  });
  return { ended, problems };
}

function tokens(t: Cleanup): Record<string, TokenSource> {
  const path = join(tempDir(t), "token");
  writeFileSync(path, "secret");
  return { "a token of the environment": fixedToken("secret"), "a token file": tokenFile(path, () => undefined) };
}

for (const [what, answer] of Object.entries(STRANGERS_ANSWERS)) {
  t.test(`an agent outlasts ${what} in the relay's place, from the start and after good service`, async (t) => {
    for (const [name, token] of Object.entries(tokens(t))) {
      const relay = await FakeRelay.start(t);
      const proxy = await AnsweringProxy.start(t, relay.url);
      proxy.answer = answer;
      const { ended, problems } = open(t, proxy.url, token);
      for (const round of [1, 2]) {
        const before = proxy.answered;
        await Promise.race([ended, until("it asks again", () => proxy.answered >= before + 3)]);
        proxy.answer = undefined;
        const connection = await Promise.race([ended, relay.connection(round)]);
        if (connection === undefined) throw new Error("it has ended");
        connection.welcome();
        proxy.answer = answer;
        proxy.cut();
      }
      t.ok(problems.size > 0, `${name}: ${[...problems]}`);
    }
  });
}

t.test("a relay that has served is asked again although it refuses the token", async (t) => {
  const relay = await FakeRelay.start(t);
  const { ended } = open(t, relay.url, fixedToken("secret"));
  const first = await relay.connection();
  first.welcome();
  relay.refuseWith = 401;
  first.socket.terminate();
  await Promise.race([ended, until("it is refused again and again", () => relay.refused >= 3)]);
  relay.refuseWith = undefined;
  await Promise.race([ended, relay.connection(2)]);
  t.equal(relay.connections.length, 2);
});
