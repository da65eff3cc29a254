// Relays that share their state at a NATS server, as programs: made by commands, with an agent at one and clients at the other.
import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { join } from "node:path";
import t from "tap";
import { NatsServer, withoutNats } from "../support/nats-server.js";
import { type Program, runProgram, startProgram } from "../support/program.js";
import { createRepo } from "../support/repo.js";
import { ALLOW_TEMP, type Cleanup, tempDir } from "../support/temp.js";
import { until } from "../support/until.js";
import { refusedUpgrade, WatchClient } from "../support/watch-client.js";

interface Served {
  program: Program;
  url: string;
}

/** Runs a command that has to do what it is told. @returns what it printed */
async function relay(t: Cleanup, nats: readonly string[], ...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await runProgram(t, "relay", [...args, ...nats]);
  if (status !== 0) throw new Error(`relay ${args.join(" ")}: ${stderr}`);
  return stdout.trim();
}

async function serve(t: Cleanup, nats: readonly string[]): Promise<Served> {
  const program = startProgram(t, "relay", ["serve", ...nats, "--listen", "127.0.0.1:0", "--log-level", "warn"]);
  return { program, url: JSON.parse(await program.line("the listening line", () => true)).url };
}

/** What stands before relays: each connection goes to the first that takes it. */
async function balancer(t: Cleanup, relays: readonly Served[]): Promise<string> {
  const server = createServer((incoming) => {
    incoming.on("error", () => incoming.destroy());
    const next = ([first, ...rest]: readonly Served[]): void => {
      if (first === undefined) {
        incoming.destroy();
        return;
      }
      const outgoing = connect(Number(new URL(first.url).port), "127.0.0.1");
      let isThere = false;
      outgoing.once("connect", () => {
        isThere = true;
        incoming.pipe(outgoing).pipe(incoming);
        outgoing.on("close", () => incoming.destroy());
        incoming.on("close", () => outgoing.destroy());
      });
      outgoing.on("error", () => (isThere ? incoming.destroy() : next(rest)));
    };
    next(relays);
  });
  server.listen(0, "127.0.0.1");
  t.teardown(() => server.close());
  await until("it listens", () => server.listening);
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const ready = async ({ url }: Served) => (await fetch(`${url}/readyz`)).status;

t.test("relays at one NATS server are one relay to whoever comes to them", { skip: withoutNats }, async (t) => {
  const server = await NatsServer.start(t, tempDir(t));
  const nats = ["--nats", server.url];
  const early = await runProgram(t, "relay", ["serve", ...nats, "--listen", "127.0.0.1:0"]);
  t.same([early.status, early.stdout], [2, ""]);
  t.match(early.stderr, /TW_RECORD: .* run `relay cluster init`\n$/);
  t.match(await relay(t, nats, "cluster", "init", "--replicas", "1"), /^TW_RECORD: made/);
  t.match(await relay(t, nats, "cluster", "init", "--replicas", "1"), /^TW_RECORD: there already$/m);
  const [one, two] = await Promise.all([serve(t, nats), serve(t, nats)]);

  const workspace = randomUUID();
  const chat = randomUUID();
  const [agentToken, alice, guest] = await Promise.all([
    relay(t, nats, "token", "create", "--kind", "agent", "--workspace", workspace),
    relay(t, nats, "token", "create", "--kind", "client", "--user", "alice"),
    relay(t, nats, "token", "create", "--kind", "client", "--user", "alice"),
    relay(t, nats, "chat", "bind", chat, "--workspace", workspace, "--owner", "alice"),
  ]);
  t.match(await relay(t, nats, "chat", "list", "--json"), new RegExp(`"id":"${chat}"`));
  const refused = await refusedUpgrade(t, `${two.url}/chats/${chat}/git/watch`, { token: alice });
  t.same(
    [refused.status, refused.body],
    [400, { message: 'Agent state is "disconnected", it must be in the "connected" state.' }],
  );

  const repo = createRepo(t, { a: "1\n" });
  const tokenFile = join(tempDir(t), "token");
  writeFileSync(tokenFile, agentToken, { mode: 0o600 });
  const url = await balancer(t, [one, two]);
  startProgram(t, "agent", ["run", "--relay", url, "--token-file", tokenFile, "--root", repo.root], {
    env: ALLOW_TEMP,
  });
  repo.write("a", "2\n");
  const client = await WatchClient.watch(t, two.url, chat, alice);
  await client.diffWith(repo.root, "+2");
  const beside = await WatchClient.watch(t, one.url, chat, alice);
  repo.write("a", "3\n");
  for (const each of [client, beside]) await each.diffWith(repo.root, "+3");

  const visitor = await WatchClient.watch(t, two.url, chat, guest);
  await relay(t, nats, "token", "revoke", guest);
  t.equal(await visitor.closed(), 4003, "a revoked token ends its sockets, wherever they are");
  for (const { url } of [one, two]) {
    t.equal((await refusedUpgrade(t, `${url}/chats/${chat}/git/watch`, { token: guest })).status, 401);
  }
  const archived = await fetch(`${one.url}/chats/${chat}/archive`, {
    method: "POST",
    headers: { "coder-session-token": alice },
  });
  t.equal(archived.status, 204);
  for (const each of [client, beside]) {
    t.equal(await each.closed(), 1001);
    t.match(each.errors.at(-1), "chat is archived");
  }
  const opened = await fetch(`${two.url}/chats/${chat}/unarchive`, {
    method: "POST",
    headers: { "coder-session-token": alice },
  });
  t.equal(opened.status, 204);

  const again = await WatchClient.watch(t, two.url, chat, alice);
  await again.diffWith(repo.root, "+3");
  t.same(await Promise.all([ready(one), ready(two)]), [200, 200]);
  await one.program.stop("SIGKILL");
  repo.write("a", "4\n");
  await again.diffWith(repo.root, "+4");
  t.equal(await ready(two), 200);

  await server.kill();
  repo.write("a", "5\n");
  await again.diffWith(repo.root, "+5");
  const other = await WatchClient.watch(t, two.url, chat, alice);
  await other.diffWith(repo.root, "+5");
  await until("it says that it is not ready", async () => (await ready(two)) === 503);
  const unknown = await refusedUpgrade(t, `${two.url}/chats/${chat}/git/watch`, { token: guest });
  t.same([unknown.status, unknown.headers["retry-after"]], [503, "5"], "and never 401");
  await server.restart();
  await until("it is ready again", async () => (await ready(two)) === 200);
  t.same(await two.program.stop(), { status: 0, signal: null });
});
