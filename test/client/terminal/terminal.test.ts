import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server } from "node:net";
import { join } from "node:path";
import t from "tap";
import { watchInTerminal } from "../../../src/client/terminal/index.js";
import { createToken, startRelay } from "../../../src/relay/index.js";
import { silentLogger } from "../../../src/util/index.js";
import { FakeAgent, fileOf } from "../../relay/support/fake-agent.js";
import { TestRelay } from "../../relay/support/relay.js";
import { runProgram, startProgram } from "../../support/program.js";
import { type Cleanup, tempDir } from "../../support/temp.js";
import { until } from "../../support/until.js";

const APP = "/home/me/app";
const CHAT = "11111111-2222-4333-8444-555555555555";

/** Runs the live view on a pretended terminal. */
function terminal(t: Cleanup, relay: TestRelay, more: { isTTY?: boolean; json?: boolean; full?: boolean } = {}) {
  const stop = new AbortController();
  let text = "";
  let told = "";
  const done = watchInTerminal({
    url: relay.url,
    chat: relay.chat,
    token: relay.clientToken,
    json: more.json ?? false,
    refresh: true,
    full: more.full ?? false,
    stdout: { isTTY: more.isTTY ?? true, write: (chunk) => (text += chunk) },
    stderr: { write: (chunk) => (told += chunk) },
    env: { TERM: "xterm" },
    signal: stop.signal,
  });
  t.teardown(() => {
    stop.abort();
    return done;
  });
  return { stop, done, text: () => text, told: () => told };
}

t.test(
  "the live view shows the repository, its branch, its age and a table, then what changes, in colours",
  async (t) => {
    const relay = await TestRelay.start(t);
    const agent = await relay.agent([APP]);
    agent.tell(APP, [fileOf("x", "first"), fileOf("y", "other")]);
    const view = terminal(t, relay);
    await until("the table", () => view.text().includes("2 files changed"), { seen: view.text });
    t.match(view.text(), `\x1b[1m${APP}\x1b[22m  \x1b[36mmain\x1b[39m  \x1b[2mjust now\x1b[22m\n`);
    t.match(view.text(), " x | 2 \x1b[32m+\x1b[39m\x1b[31m-\x1b[39m\n");
    t.notMatch(view.text(), "first");
    agent.tell(APP, [fileOf("x", "second"), fileOf("y", "other")]);
    await until("the change", () => view.text().includes("second"), { seen: view.text });
    t.match(view.text(), "\x1b[1m▌\x1b[22m\x1b[32m+second\x1b[39m\n", "what is new is marked, not by colour alone");
    t.notMatch(view.text(), "other", "what has not changed is not repeated");
    agent.tell(APP, []);
    await until("the clean tree", () => view.text().includes("clean"), { seen: view.text });
    t.match(view.text(), "no longer differs");
    view.stop.abort();
    await view.done;
  },
);

t.test("the live view says what is hidden, and how to have it shown", async (t) => {
  const relay = await TestRelay.start(t);
  const agent = await relay.agent([APP]);
  const withheld = fileOf("a", "", { hunks: "", withheld: "path", withheld_rule: ".env" });
  agent.tell(APP, [withheld, fileOf("b", "last", { masked: 1 })]);
  const view = terminal(t, relay, { isTTY: false });
  await until("the diff", () => view.text().includes("last"), { seen: view.text });
  t.match(view.text(), "secrets: 1 withheld (.env), 1 masked; the agent's secrets-allow lets files through\n");
  t.match(view.text(), "\nWithheld: looks like a secret\n");
});

t.test("nothing in a working tree drives the reader's terminal", async (t) => {
  const relay = await TestRelay.start(t);
  const agent = await relay.agent([APP]);
  const evil = "\x1b]0;title\x07\x1b[2J\x9b31m\r";
  agent.tell(APP, [fileOf(`f${evil}`, `text${evil}`)], { branch: `b${evil}`, health: `h${evil}` });
  agent.rootsOf = () => [`${APP}${evil}`];
  agent.tell(`${APP}${evil}`, [fileOf(`f${evil}`, `text${evil} end`)], { branch: `b${evil}`, health: `h${evil}` });
  const view = terminal(t, relay, { isTTY: false });
  await until("the diff", () => view.text().includes(" end"), { seen: view.text });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  t.notMatch(view.text(), /[\x00-\x08\x0b-\x1f\x7f-\x9f]/);
});

t.test(
  "watch prints JSON lines where standard output is no terminal, and comes back when the relay does",
  async (t) => {
    const relay = await TestRelay.start(t);
    const agent = await relay.agent([APP]);
    agent.tell(APP, [fileOf("x", "one")]);
    const tokenFile = join(tempDir(t), "token");
    writeFileSync(tokenFile, `${relay.clientToken}\n`);
    const watch = startProgram(t, "relay", ["watch", relay.chat, "--url", relay.url, "--token-file", tokenFile]);
    const first = JSON.parse(await watch.line("the first frame", (line) => line.includes("one")));
    t.match(first, { type: "changes", repositories: [{ repo_root: APP, branch: "main" }] });

    const { port } = new URL(relay.url);
    await relay.stop();
    await until("it says so", () => /trying again/.test(watch.stderr), { seen: () => watch.stderr });
    const again = await startRelay({ dataDir: relay.dataDir, port: Number(port), log: silentLogger() });
    t.teardown(() => again.close());
    const agentAgain = await FakeAgent.connect(t, again.url, relay.agentToken, { rootsOf: () => [APP] });
    agentAgain.tell(APP, [fileOf("x", "two")]);
    await watch.line("the frame after the restart", (line) => line.includes("two"), 30_000);
    t.same(await watch.stop(), { status: 0, signal: null });
  },
);

/** Starts a server on a free port. @returns its URL */
async function listen(t: Cleanup, server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

t.test("what cannot get better ends it, with one line that says what and what to do", async (t) => {
  const relay = await TestRelay.start(t);
  const empty = join(tempDir(t), "empty");
  writeFileSync(empty, "\n");
  const token = relay.clientToken;
  const stranger = await createToken(relay.dataDir, { kind: "client", user: "mallory" });
  const rows: [what: string, args: string[], token: string, status: number, line: RegExp][] = [
    ["no token", [relay.chat, "--url", relay.url], "", 2, /^relay: .*no token given .*TREEWIRE_TOKEN.*\n$/],
    [
      "empty file",
      [relay.chat, "--url", relay.url, "--token-file", empty],
      "",
      2,
      /^relay: .*no token in the token file.*\n$/,
    ],
    ["no file", [relay.chat, "--url", relay.url, "--token-file", `${empty}/x`], "", 2, /^relay: .*token file.*\n$/],
    ["no URL", [relay.chat, "--url", "nowhere"], token, 2, /^relay: nowhere: not a relay URL.*\n$/],
    ["another protocol", [relay.chat, "--url", "ftp://x"], token, 2, /^relay: ftp:.*not a relay URL.*\n$/],
    ["no chat's id", ["nonsense", "--url", relay.url], token, 2, /^relay: nonsense: .*UUID.*\n$/],
    ["a wrong token", [relay.chat, "--url", relay.url], "wrong", 77, /^relay: .*rejects the token.*\n$/],
    ["not mine", [relay.chat, "--url", relay.url], stranger, 1, /^relay: .*does not let this chat be watched.*\n$/],
  ];
  const results = await Promise.all(
    rows.map(([, args, token]) => runProgram(t, "relay", ["watch", ...args], { env: { TREEWIRE_TOKEN: token } })),
  );
  for (const [at, [what, , , status, line]] of rows.entries()) {
    t.equal(results[at]?.status, status, what);
    t.match(results[at]?.stderr, line, what);
    t.equal(results[at]?.stdout, "", what);
  }
});

t.test("what is no relay is named as such at once, and asked again", async (t) => {
  const webSite = await listen(
    t,
    createHttpServer((_request, response) => response.end("<h1>Hello</h1>")),
  );
  const notHttp = await listen(
    t,
    createServer((socket) => socket.on("error", () => undefined).end("SSH-2.0-OpenSSH_9.2\r\n")),
  );
  for (const [url, line] of [
    [webSite, /^a proxy, or another server, has answered with status 200; it is not the relay; trying again\n$/],
    [notHttp, /^127\.0\.0\.1:\d+ does not speak HTTP \(HPE_INVALID_CONSTANT\); trying again\n$/],
  ] as const) {
    const env = { TREEWIRE_TOKEN: "token" };
    const watch = startProgram(t, "relay", ["watch", CHAT, "--url", url], { env });
    await until("it says so", () => watch.stderr.includes("\n"), { seen: () => watch.stderr });
    t.match(watch.stderr, line);
    t.same(await watch.stop(), { status: 0, signal: null });
  }
});
