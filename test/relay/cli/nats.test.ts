import { once } from "node:events";
import { chmodSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import t from "tap";
import { NatsServer, withoutNats } from "../../support/nats-server.js";
import { runProgram } from "../../support/program.js";
import { tempDir } from "../../support/temp.js";

t.test("what is wrong with where NATS is said to be is told in one line, which repeats no password", async (t) => {
  const dir = tempDir(t);
  const nkey = join(dir, "nkey");
  writeFileSync(nkey, "nonsense");
  chmodSync(nkey, 0o600);
  const at = ["--nats", "nats://127.0.0.1:1"];
  const rows: [args: string[], status: number, line: RegExp][] = [
    [["token", "list", ...at, "--data-dir", dir], 2, /--nats and --data-dir: a relay keeps its state in one place/],
    [["serve", ...at, "--data-dir", dir], 2, /one place/],
    [["chat", "list", "--nats", "nats://me:secret@127.0.0.1"], 2, /not a NATS server's URL \(everybody .*--nats-creds/],
    [["chat", "list", "--nats", "http://127.0.0.1"], 2, /neither nats:\/\/ nor tls:\/\//],
    [["chat", "list", "--nats", "nats://127.0.0.1/x"], 2, /nothing follows the port/],
    [["token", "list", ...at], 1, /^relay: nats:\/\/127\.0\.0\.1:1: NATS does not answer \(/],
    [["token", "list", ...at, "--nats-nkey", nkey], 2, /nkey: there are no NATS credentials in the file/],
    [["token", "list", ...at, "--nats-creds", join(dir, "none")], 2, /none: there are no .*ENOENT/],
    [["token", "list", ...at, "--nats-ca", join(dir, "none")], 2, /none: the TLS certificate .*ENOENT/],
    [["token", "list", ...at, "--nats-cert", nkey], 2, /they go together/],
    [["token", "list", ...at, "--relay-id", "a.b"], 2, /--relay-id: .*letters/],
    [["cluster", "init", ...at], 2, /replicas/],
    [["cluster", "init", ...at, "--replicas", "2"], 2, /1, 3 or 5/],
    [["cluster", "init", "--replicas", "1"], 2, /give --nats URL/],
  ];
  for (let next = 0; next < rows.length; next += 4) {
    await Promise.all(
      rows.slice(next, next + 4).map(async ([args, wanted, line]) => {
        const { status, stdout, stderr } = await runProgram(t, "relay", args);
        t.same([status, stdout], [wanted, ""], args.join(" "));
        t.match(stderr, line);
        t.notMatch(stderr, /secret@|:secret/);
        t.equal(stderr.split("\n").length, 2, "one line");
      }),
    );
  }
});

t.test("a server before 2.12 is refused", async (t) => {
  const info = {
    server_id: "x",
    version: "2.10.29",
    proto: 1,
    host: "old",
    port: 1,
    headers: true,
    max_payload: 1048576,
  };
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.on("data", (data) => String(data).includes("PING") && socket.write("PONG\r\n"));
    socket.write(`INFO ${JSON.stringify(info)}\r\n`);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => server.close());
  const nats = ["--nats", `nats://127.0.0.1:${(server.address() as AddressInfo).port}`];
  for (const args of [
    ["cluster", "init", "--replicas", "1"],
    ["token", "list"],
  ]) {
    const { status, stdout, stderr } = await runProgram(t, "relay", [...args, ...nats]);
    t.same([status, stdout], [2, ""]);
    t.equal(stderr, "relay: old: this NATS server is too old (2.10.29); relays need 2.12 or newer\n");
  }
});

t.test(
  "cluster init says what it makes, what it changes, and what it cannot make",
  { skip: withoutNats },
  async (t) => {
    const server = await NatsServer.start(t, tempDir(t));
    const init = (replicas: number) =>
      runProgram(t, "relay", ["cluster", "init", "--nats", server.url, "--replicas", String(replicas)]);
    t.match(await init(3), { status: 1, stdout: "", stderr: /^relay: TW_RECORD: NATS does not make .*\(replicas > 1/ });
    const made = await init(1);
    t.same([made.status, made.stdout.split("\n").filter((line) => line.endsWith(": made, 1 of each")).length], [0, 4]);
    t.match(made.stderr, /max_payload is 1048576 bytes: set 8MB/);
    t.same(
      (await init(1)).stdout.split("\n").filter((line) => line !== "" && !line.endsWith(": there already")),
      [],
    );

    const bare = await NatsServer.start(t);
    const without = await runProgram(t, "relay", ["cluster", "init", "--nats", bare.url, "--replicas", "1"]);
    t.match(without, { status: 1, stderr: /NATS does not make what relays share/ });
  },
);
