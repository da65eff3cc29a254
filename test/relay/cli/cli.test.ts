import { once } from "node:events";
import { chmodSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import t from "tap";
import { RELAY_SETTINGS } from "../../../src/relay/cli/settings.js";
import { runProgram, startProgram } from "../../support/program.js";
import { tempDir } from "../../support/temp.js";
import { refusedUpgrade, WatchClient } from "../../support/watch-client.js";
import { FakeAgent } from "../support/fake-agent.js";

const WORKSPACE = "11111111-1111-1111-1111-111111111111"; // no RFC 9562 variant: Go takes it, so do we
const CHAT = "22222222-2222-2222-2222-222222222222";

t.test("serve prints one line, commands beside it count at once, and SIGTERM ends it with 1001", async (t) => {
  const dataDir = join(tempDir(t), "made", "by", "serve");
  const serve = startProgram(t, "relay", ["serve", "--data-dir", dataDir, "--listen", "127.0.0.1:0"]);
  const line = await serve.line("the listening line", () => true);
  const { url, ...rest } = JSON.parse(line);
  t.same(rest, { event: "listening" });
  t.match(url, /^http:\/\/127\.0\.0\.1:\d+$/);
  t.equal(statSync(dataDir).mode & 0o777, 0o700);
  t.equal(statSync(join(dataDir, "treewire.db")).mode & 0o777, 0o600);

  const run = async (...args: string[]) => {
    const { status, stdout, stderr } = await runProgram(t, "relay", [...args, "--data-dir", dataDir]);
    t.same({ status, stderr }, { status: 0, stderr: "" }, args.join(" "));
    return stdout;
  };
  const [agentToken, clientToken] = await Promise.all([
    run("token", "create", "--kind", "agent", "--workspace", WORKSPACE),
    run("token", "create", "--kind", "client", "--user", "alice"),
  ]);
  t.match(agentToken, /^\S+\n$/, "the token, alone");
  const headers = { "coder-session-token": clientToken.trim() };
  const watchUrl = `${url}/chats/${CHAT}/stream/git`;
  t.equal((await refusedUpgrade(t, watchUrl, { headers })).status, 404);
  await run("chat", "bind", CHAT, "--workspace", WORKSPACE, "--owner", "alice", "--path", "/a", "--path", "/b");
  t.match(await run("chat", "list"), new RegExp(`^${CHAT} .*alice`, "m"));
  const agent = await FakeAgent.connect(t, url, agentToken.trim(), { rootsOf: () => [] });
  const client = await WatchClient.open(t, watchUrl, { headers });
  t.same((await client.first()).repositories, []);
  t.same(agent.all("watch"), [{ type: "watch", chat: CHAT, paths: ["/a", "/b"] }]);

  t.same(await serve.stop(), { status: 0, signal: null });
  t.equal(await client.closed(), 1001);
  t.equal(serve.stdout, `${line}\n`, "nothing else on standard output");
  const log = serve.stderr;
  t.ok(
    log
      .split("\n")
      .filter(Boolean)
      .every((entry) => JSON.parse(entry).name === "relay"),
    "the log is JSON lines",
  );
  for (const secret of [agentToken, clientToken])
    t.notOk(log.includes(secret.trim().slice(21)), "no secret in the log");
});

t.test("bad usage is told in one line, with exit status 2", async (t) => {
  const dir = tempDir(t);
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  t.teardown(() => taken.close());
  const address = taken.address();
  const port = typeof address === "object" ? address?.port : undefined;
  const locked = tempDir(t);
  chmodSync(locked, 0o500);
  const at = ["--data-dir", dir];
  const lists = Object.entries(RELAY_SETTINGS.settings).flatMap(([name, { kind }]) =>
    kind === "list" ? [`--${name}`, "loopback", `--${name}`, "uniquelocal"] : [],
  );
  t.ok(lists.includes("--frame-ancestor"));
  const rows: [args: string[], status: number, line: RegExp][] = [
    [[], 2, /a command is needed/],
    [["frobnicate"], 2, /frobnicate/],
    [["serv", ...at], 2, /no command serv; did you mean serve\?/],
    [["token", "creat", ...at], 2, /no command creat; did you mean create\?/],
    [["serve", ...at, "--lisen", "x"], 2, /Unknown argument: lisen; did you mean --listen\?/],
    [["serve"], 2, /data-dir/],
    [["serve", ...at, "--listen", "nonsense"], 2, /--listen nonsense.*HOST:PORT/],
    [["serve", ...at, "--listen", "127.0.0.1:99999"], 2, /HOST:PORT/],
    [
      ["serve", ...at, "--listen", `127.0.0.1:${port}`],
      1,
      /^relay: 127\.0\.0\.1:\d+: cannot listen \(another program listens there, EADDRINUSE\); choose another --listen address$/m,
    ],
    [["serve", "--data-dir", "/dev/null/x"], 1, /the data directory cannot be used/],
    [["serve", ...at, "--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0"], 2, /--listen is given twice/],
    [["serve", ...at, ...lists, "--listen", "nonsense"], 2, /--listen nonsense/],
    [["serve", ...at, "--ping-seconds", "2147484"], 2, /--ping-seconds.*at most 2147483 seconds/],
    [["serve", ...at, "--linger-seconds", "Infinity"], 2, /--linger-seconds/],
    [["serve", ...at, "--drain-seconds", "0"], 2, /--drain-seconds.*a number over 0/],
    [["serve", ...at, "--log-level", "loud"], 2, /log-level/],
    [["token", "list"], 2, /data-dir/],
    [["token", ...at], 2, /a command is needed/],
    [["token", "create", ...at], 2, /kind/],
    [["token", "create", ...at, "--kind", "other"], 2, /kind/],
    [["token", "create", ...at, "--kind", "agent"], 2, /--workspace/],
    [["token", "create", ...at, "--kind", "agent", "--workspace", "x"], 2, /--workspace x.*UUID/],
    [["token", "create", ...at, "--kind", "client"], 2, /--user/],
    [["chat", "bind", "x", ...at, "--workspace", WORKSPACE], 2, /CHAT x.*UUID/],
    [["chat", "bind", CHAT, ...at], 2, /workspace/],
    [["chat", "bind", CHAT, ...at, "--workspace", WORKSPACE, "--path", "relative"], 2, /--path relative.*absolute/],
    [["chat", "bind", CHAT, ...at, "--workspace", WORKSPACE, "--parent", CHAT], 2, /--parent/],
  ];
  for (let next = 0; next < rows.length; next += 4) {
    await Promise.all(
      rows.slice(next, next + 4).map(async ([args, wanted, line]) => {
        const { status, stdout, stderr } = await runProgram(t, "relay", args);
        t.same([status, stdout], [wanted, ""], args.join(" "));
        t.match(stderr, line);
        t.match(stderr, /^relay: [^\n]*\n$/, "one line");
      }),
    );
  }
});
