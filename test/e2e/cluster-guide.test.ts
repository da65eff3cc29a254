// The commands and the configuration of docs/cluster.md, taken out of the page and run: three nodes and three relays from nothing.
import { execFile, spawn } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import t from "tap";
import { packagePath } from "../../src/util/index.js";
import { FakeAgent, fileOf } from "../relay/support/fake-agent.js";
import { withoutOpenssl } from "../support/certificates.js";
import { natsServerProgram, withoutNats } from "../support/nats-server.js";
import { type Program, programPath, startProgram } from "../support/program.js";
import { type Cleanup, tempDir } from "../support/temp.js";
import { until } from "../support/until.js";
import { refusedUpgrade, WatchClient } from "../support/watch-client.js";

const run = promisify(execFile);
const NODES = [1, 2, 3] as const;
const APP = "/home/me/app";
const PNG = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");

/** What the page has between fences. */
const page = readFileSync(packagePath("docs/cluster.md"), "utf8");
const blocks = (kind: string) =>
  [...page.matchAll(new RegExp(`^\`\`\`${kind}\n(.*?)^\`\`\`$`, "gms"))].map(([, text = ""]) => text);

/** The block that begins with a command. */
function command(start: string): string {
  const found = blocks("sh").find((text) => text.startsWith(start));
  if (found === undefined) throw new Error(`docs/cluster.md has no block that begins with ${start}`);
  return found;
}

function replaced(text: string, places: readonly (readonly [string, string])[]): string {
  return places.reduce((all, [what, by]) => {
    if (!all.includes(what)) throw new Error(`docs/cluster.md says nothing of ${what}`);
    return all.replaceAll(what, by);
  }, text);
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  for (const server of servers) server.close();
  return ports;
}

/** A directory in which the page's commands are run, with the places of this test. */
class Guide {
  readonly dir: string;
  readonly #ports: readonly number[];
  readonly #hosts: readonly (readonly [string, string])[];
  readonly #t: Cleanup;
  readonly logs: string[] = [];

  constructor(t: Cleanup, ports: readonly number[]) {
    this.#t = t;
    this.dir = tempDir(t);
    this.#ports = ports;
    this.#hosts = NODES.map((node) => [`nats-${node}.internal:4222`, `127.0.0.1:${ports[node]}`] as const);
  }

  /** Runs a block as it is. @param places what of it is somewhere else here */
  async sh(start: string, places: readonly (readonly [string, string])[] = []): Promise<string> {
    const text = replaced(command(start), places);
    const relay = `relay() { "${process.execPath}" "${programPath("relay")}" "$@"; }\n`;
    const env = { PATH: process.env.PATH, HOME: this.dir };
    return (await run("bash", ["--norc", "-euo", "pipefail", "-c", relay + text], { cwd: this.dir, env })).stdout;
  }

  atHosts(start: string, places: readonly (readonly [string, string])[] = []): Promise<string> {
    return this.sh(start, [...this.#hosts, ...places]);
  }

  /** Writes a node's configuration, and starts it. */
  async node(node: number): Promise<{ kill: () => Promise<void> }> {
    const [text = ""] = blocks("nats");
    const users = [1, 2, 3].map((relay) => [`RELAY_${relay}_USER`, this.#read(`relay-${relay}.user`)] as const);
    const config = replaced(text, [
      ["ADMIN_USER", this.#read("admin.user")],
      ...users,
      ...NODES.map((each) => [`nats-${each}.internal:6222`, `127.0.0.1:${this.#ports[each + 3]}`] as const),
      ["0.0.0.0:4222", `127.0.0.1:${this.#ports[node]}`],
      ["0.0.0.0:6222", `127.0.0.1:${this.#ports[node + 3]}`],
      ["127.0.0.1:8222", "127.0.0.1:-1"],
      ["/var/lib/nats", join(this.dir, `node-${node}`)],
      ["server_name: nats-1", `server_name: nats-${node}`],
      ["/etc/nats/nats-1", join(this.dir, `nats-${node}`)],
      ["/etc/nats/", `${this.dir}/`],
    ]);
    const path = join(this.dir, `nats-${node}.conf`);
    writeFileSync(path, config);
    const [program = "", ...args] = replaced(command("nats-server"), [["nats.conf", path]])
      .trim()
      .split(" ");
    const server = spawn(program === "nats-server" ? natsServerProgram : program, args, {
      env: { JETSTREAM_KEY: `k${randomBytes(32).toString("hex")}`, PATH: process.env.PATH },
      stdio: ["ignore", "ignore", "pipe"],
    });
    const ended = once(server, "exit");
    const kill = async () => {
      server.kill("SIGKILL");
      await ended;
    };
    this.#t.teardown(kill);
    let log = "";
    server.stderr.on("data", (chunk) => {
      log += chunk;
      this.logs[node] = log;
    });
    await until(
      "the node is there",
      () => {
        if (server.exitCode !== null) throw new Error(log);
        return log.includes("Server is ready");
      },
      { seen: () => log },
    );
    return { kill };
  }

  /** Starts a relay. */
  async serve(relay: number): Promise<{ program: Program; url: string }> {
    const text = replaced(command("relay serve"), [
      ...this.#hosts,
      ["relay-1", `relay-${relay}`],
      ["0.0.0.0:7700", "127.0.0.1:0"],
      ["\\\n", ""],
    ]);
    const [, ...args] = text.trim().split(/\s+/);
    const program = startProgram(this.#t, "relay", args, { cwd: this.dir });
    return { program, url: JSON.parse(await program.line("the listening line", () => true)).url };
  }

  writeSettings(): void {
    const [text = ""] = blocks("toml");
    writeFileSync(join(this.dir, "relay.toml"), replaced(text, this.#hosts));
  }

  token(name: string): string {
    return this.#read(`${name}.token`);
  }

  #read(name: string): string {
    return readFileSync(join(this.dir, name), "utf8").trim();
  }
}

t.test(
  "docs/cluster.md leads from nothing to three nodes and three relays",
  { skip: withoutNats || withoutOpenssl },
  async (t) => {
    const guide = new Guide(t, [0, ...(await freePorts(6))]);
    await guide.sh("openssl", [["DNS:$name.internal", "DNS:$name.internal,DNS:localhost,IP:127.0.0.1"]]);
    await guide.sh("for name in relay-1");
    const nodes = await Promise.all(NODES.map((node) => guide.node(node)));
    t.same(
      (await guide.atHosts("relay cluster init"))
        .trim()
        .split("\n")
        .filter((line) => !line.endsWith(": made, 3 of each")),
      [],
    );
    const relays = await Promise.all(NODES.map((relay) => guide.serve(relay)));
    guide.writeSettings();
    await guide.sh("relay token create");
    const [, chat = ""] = /chat bind (\S+)/.exec(command("relay token create")) ?? [];
    const [one, two] = relays;
    if (one === undefined || two === undefined) throw new Error("they were started");
    const agent = await FakeAgent.connect(t, one.url, guide.token("agent"), { rootsOf: () => [APP] });
    agent.trees.set(APP, { files: [], epoch: `epoch-${randomUUID()}`, seq: 0 });
    agent.tell(APP, [fileOf("x", "one")]);
    const client = await WatchClient.watch(t, two.url, chat, guide.token("alice"));
    await client.diffWith(APP, "+one");

    const call = (url: string, method: string, body?: Uint8Array<ArrayBuffer>) =>
      fetch(url, {
        method,
        headers: { "coder-session-token": guide.token("alice"), "content-type": "image/png" },
        ...(body !== undefined && { body }),
      });
    const uploaded = await call(`${one.url}/chats/files?organization=${randomUUID()}`, "POST", new Uint8Array(PNG));
    t.equal(uploaded.status, 201);
    const { id } = (await uploaded.json()) as { id: string };
    const file = await call(`${two.url}/chats/files/${id}`, "GET");
    t.ok(PNG.equals(Buffer.from(await file.arrayBuffer())), "a file is at all of them");

    await guide.sh("relay export");
    const exported = readFileSync(join(guide.dir, "treewire-backup.ndjson"), "utf8");
    t.match(exported, /{"end":{"tokens":2,"invites":0,"chats":1,"files":1}}\n$/);
    t.equal((await call(`${two.url}/chats/files/${id}`, "DELETE")).status, 204);
    t.equal((await call(`${one.url}/chats/files/${id}`, "GET")).status, 404);

    t.notMatch(guide.logs.join(""), /Permissions Violation/, "a relay may do all that it does");

    const asRelay = guide.atHosts("relay cluster init", [["admin.nk", "relay-1.nk"]]);
    t.match(await asRelay.catch((thrown: unknown) => Object(thrown).stderr), /permission/i, "and makes no streams");

    await nodes[0]?.kill();
    agent.tell(APP, [fileOf("x", "two")]);
    await client.diffWith(APP, "+two");
    await guide.sh("relay token create", [
      ["agent.token", "agent-2.token"],
      ["alice.token", "alice-2.token"],
    ]);
    await WatchClient.watch(t, two.url, chat, guide.token("alice-2"));

    await nodes[1]?.kill(); // no majority is left
    agent.tell(APP, [fileOf("x", "three")]);
    await client.diffWith(APP, "+three");
    await until("it is said", async () => (await fetch(`${two.url}/readyz`)).status === 503);
    const again = await WatchClient.watch(t, two.url, chat, guide.token("alice"));
    await again.diffWith(APP, "+three");
    const unknown = `${guide.token("alice").slice(0, 4)}0123456789abcdef_${"A".repeat(43)}`;
    const refused = await refusedUpgrade(t, `${two.url}/chats/${chat}/git/watch`, { token: unknown });
    t.same([refused.status, refused.headers["retry-after"]], [503, "5"]);
    for (const { program } of relays) t.same(await program.stop(), { status: 0, signal: null });
  },
);
