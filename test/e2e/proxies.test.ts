import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import t, { type Test } from "tap";
import { bindChat, createToken } from "../../src/relay/commands.js";
import { makeCertificates, withoutOpenssl } from "../support/certificates.js";
import { startProgram } from "../support/program.js";
import { createRepo } from "../support/repo.js";
import { PROXIES, type ProxyName, ReverseProxy, withoutProxy } from "../support/reverse-proxies.js";
import { ALLOW_TEMP, tempDir } from "../support/temp.js";
import { until } from "../support/until.js";
import { WatchClient } from "../support/watch-client.js";

// The configurations of docs/operating.md, "Behind a proxy", taken out of the page and run by the proxies themselves.

const PNG = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");

/** A relay behind a proxy, with an agent and a client that know it by the proxy's URL alone. */
async function behind(t: Test, name: ProxyName, relayArgs: string[] = [], change?: (config: string) => string) {
  const certificates = makeCertificates(t);
  const dataDir = join(tempDir(t), "data");
  const serve = ["serve", "--data-dir", dataDir, "--listen", "127.0.0.1:0", "--trust-proxy", "loopback"];
  const relay = startProgram(t, "relay", [...serve, "--log-level", "debug", ...relayArgs]);
  const { url } = JSON.parse(await relay.line("its first line", () => true));
  const proxy = await ReverseProxy.start(t, name, Number(new URL(url).port), certificates, change);

  const workspace = randomUUID();
  const token = await createToken(dataDir, { kind: "client", user: "alice" });
  const repo = createRepo(t, { "a.txt": "0\n" });
  const { id: chat } = await bindChat(dataDir, { chat: randomUUID(), workspace, owner: "alice", paths: [repo.root] });
  const env = { ...ALLOW_TEMP, TREEWIRE_AGENT_TOKEN: await createToken(dataDir, { kind: "agent", workspace }) };
  const agent = startProgram(t, "agent", ["--relay", proxy.url, "--ca-file", certificates.ca], { env });
  await until("the agent is connected", () => agent.stderr.includes('"connected"'), {
    seen: () => ({ agent: agent.stderr, proxy: proxy.log }),
  });
  const ca = readFileSync(certificates.ca);
  const watch = `${proxy.url}/api/v2/chats/${chat}/git/watch`;
  return { relay, proxy, agent, repo, token, ca, watch };
}

/** Edits a file; the client has to come to git's diff. */
async function seesEdit(client: WatchClient, repo: ReturnType<typeof createRepo>, content: string): Promise<void> {
  repo.write("a.txt", content);
  const expected = `${repo.git("diff", "--full-index", "HEAD")}\n`;
  await until("the client is right", () => client.repositories.get(repo.root)?.unified_diff === expected, {
    seen: () => client.messages.slice(-2),
  });
}

/** Uploads a file, from an address of this machine that is not the proxy's own. */
function upload(url: string, body: Buffer, headers: Record<string, string>, ca: Buffer): Promise<number | undefined> {
  return new Promise((answer, fail) => {
    const options = { method: "POST", headers, ca, localAddress: "127.0.0.9" };
    const asked = request(`${url}/chats/files?organization=${randomUUID()}`, options, (response) => {
      response.resume().on("end", () => answer(response.statusCode));
    });
    asked.on("error", fail).end(body);
  });
}

for (const name of PROXIES) {
  const skip = withoutOpenssl || withoutProxy(name);
  t.test(`behind ${name}, as the page has it`, { skip }, async (t) => {
    const { relay, proxy, agent, repo, token, ca, watch } = await behind(t, name);

    const client = await WatchClient.open(t, watch, { token, ca });
    await client.first();
    await seesEdit(client, repo, "1\n");
    await seesEdit(client, repo, "x\n".repeat(200_000));

    const headers = { "coder-session-token": token, "content-type": "image/png" };
    const largest = Buffer.concat([PNG, Buffer.alloc(10 * 1024 * 1024 - PNG.length)]);
    t.equal(await upload(proxy.url, largest, headers, ca), 201, "an upload as large as one may be");
    t.match(relay.stderr, /"address":"127\.0\.0\.9"/, "the relay knows who calls");

    const inQuery = await WatchClient.open(t, `${watch}?coder_session_token=${token}`, { ca });
    await inQuery.first();
    for (const each of [client, inQuery]) {
      each.close();
      await each.closed();
    }
    const logged = () => proxy.log.split("/git/watch").length > 2;
    await until("the proxy has logged both", logged, { seen: () => proxy.log });
    t.notOk(proxy.log.includes(token), "and the token does not stand there");
    t.equal(agent.stderr.split('"connected"').length, 2, "the agent was connected once");
  });

  if (name === "caddy") continue; // it cuts no idle links
  /** So much is idle, in seconds. */
  const cutAfter = 3;
  const impatient = (config: string) =>
    config.replace(/(_timeout|timeout (client|server|tunnel)) 60s/g, `$1 ${cutAfter}s`);
  t.test(`${name} cuts links that are idle for ${cutAfter} s`, { skip }, async (t) => {
    t.test("with a shorter time between pings no link is cut", async (t) => {
      const { agent, repo, token, ca, watch } = await behind(t, name, ["--ping-seconds", "1"], impatient);
      const client = await WatchClient.open(t, watch, { token, ca });
      let pings = 0;
      client.socket.on("ping", () => {
        pings += 1;
      });
      await until("it was idle for twice that long", () => pings > 2 * cutAfter || client.closeCode !== undefined);
      t.equal(client.closeCode, undefined);
      await seesEdit(client, repo, "1\n");
      t.equal(agent.stderr.split('"connected"').length, 2, "the agent was connected once");
    });

    t.test("as it is by itself, they are", async (t) => {
      const { token, ca, watch } = await behind(t, name, [], impatient);
      const client = await WatchClient.open(t, watch, { token, ca });
      t.equal(await client.closed(), 1006);
    });
  });
}
