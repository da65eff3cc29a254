import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { invite, listTokens, revokeToken } from "../../../src/relay/index.js";
import { fileOf } from "../../relay/support/fake-agent.js";
import { TestRelay } from "../../relay/support/relay.js";
import { runProgram, startProgram } from "../../support/program.js";
import { type Cleanup, tempDir } from "../../support/temp.js";
import { until } from "../../support/until.js";

const APP = "/home/me/app";

/** A relay with an invite, of which the agent's is spent: its agent is there and shows one tree. */
async function invited(t: Cleanup, options: { uses?: number } = {}) {
  const relay = await TestRelay.start(t);
  const made = await invite(relay.dataDir, { url: relay.url, ...options });
  const joined = await fetch(`${relay.url}/join`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ secret: made.agentUrl.replace(/^.*#agent-/, ""), hostname: "box" }),
  });
  const { token } = (await joined.json()) as { token: string };
  const agent = await relay.agent([APP], token);
  agent.tell(APP, [fileOf("x", "first")]);
  const home = tempDir(t);
  return { relay, made, agent, env: { HOME: home, XDG_STATE_HOME: join(home, "state") }, home };
}

t.test("a link is all that is needed, and once it was opened not even that", async (t) => {
  const { made, env, home } = await invited(t, { uses: 1 });
  const first = startProgram(t, "treewire", ["watch", made.viewUrl], { env });
  t.match(JSON.parse(await first.line("the diff", (line) => line.includes("first"))), { type: "changes" });
  const secret = made.viewUrl.replace(/^.*#view-/, "");
  t.notMatch(readFileSync(`/proc/${first.child.pid}/cmdline`, "utf8"), secret, "not among the processes");
  await first.stop();
  const folder = join(home, "state/treewire/sessions");
  const [file = ""] = readdirSync(folder);
  t.equal(statSync(folder).mode & 0o777, 0o700);
  t.equal(statSync(join(folder, file)).mode & 0o777, 0o600);
  t.notMatch(readFileSync(join(folder, file), "utf8"), secret);
  for (const args of [[], [made.chat], [made.viewUrl], [made.viewUrl.replace(/#.*/, `view/${made.chat}`)]]) {
    const again = startProgram(t, "treewire", ["watch", ...args], { env });
    t.match(await again.line("the diff", (line) => line.includes("first")), /"changes"/, args.join(" ") || "nothing");
    await again.stop();
  }
});

t.test("a session that is revoked ends the watching, and is forgotten", async (t) => {
  const { relay, made, env, home } = await invited(t);
  const watch = startProgram(t, "treewire", ["watch", made.viewUrl], { env });
  await watch.line("the diff", (line) => line.includes("first"));
  const session = (await listTokens(relay.dataDir)).find(({ isSession }) => isSession);
  await revokeToken(relay.dataDir, session?.tokenId ?? "");
  t.same(await watch.exit(), { status: 77, signal: null });
  t.match(watch.stderr, /^treewire: 127\.0\.0\.1:\d+: the relay rejects the token \(.*\); .*\n$/);
  t.same(readdirSync(join(home, "state/treewire/sessions")), []);
});

t.test("on a pipe there is text for people where it is asked for: at first all of it, then what changes", async (t) => {
  const { made, agent, env } = await invited(t);
  const watch = startProgram(t, "treewire", ["watch", made.viewUrl, "--no-json"], { env });
  await watch.line("all of it", (line) => line === "+first");
  agent.tell(APP, [fileOf("x", "first"), fileOf("y", "second")]);
  await watch.line("the change", (line) => line === "+second");
  const lines = watch.stdout.split("\n");
  t.equal(lines.filter((line) => line === "+first").length, 1);
  t.equal(
    lines.filter((line) => line.startsWith("diff --git ")).length,
    2,
    "each file with its head, as pagers want it",
  );
});

t.test("what cannot be watched is one line that says what to do", async (t) => {
  const { made, env, relay } = await invited(t);
  const rows: [args: string[], status: number, line: RegExp][] = [
    [[made.agentUrl], 2, /this link is for an agent: open the one with #view-/],
    [["http://relay.example/#view-AAAAAAAAAAAAAAAAAAAAAA"], 2, /plain http would show the secret/],
    [[`${relay.url}/#view-AAAAAAAAAAAAAAAAAAAAAA`], 77, /does not take the invite \(This invite is used/],
    [[`${relay.url}/foo/#view-AAAAAAAAAAAAAAAAAAAAAA`], 2, /\/foo: there is a relay, but not at this path/],
    [[], 2, /give a link of `treewire relay invite`, or a chat's UUID with --url/],
    [[made.chat], 2, /give --url, or set TREEWIRE_URL/],
    [["--url", relay.url, made.chat], 2, /no token given .*no link was opened here/],
  ];
  for (const [args, status, line] of rows) {
    const result = await runProgram(t, "treewire", ["watch", ...args], { env: { ...env, XDG_STATE_HOME: tempDir(t) } });
    t.match(result, { status, stdout: "", stderr: line }, args.join(" "));
    t.match(result.stderr, /^treewire: [^\n]*\n$/, "one line");
  }
  const watch = startProgram(t, "treewire", ["watch", relay.chat], {
    env: { ...env, TREEWIRE_URL: relay.url, TREEWIRE_TOKEN: relay.clientToken },
  });
  await until(
    "by the environment",
    () => watch.stderr.includes("the workspace's agent is not connected") || undefined,
    {
      seen: () => watch.stderr,
    },
  );
});
