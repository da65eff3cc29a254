import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import t, { type Test } from "tap";
import { runProgram, startProgram } from "../support/program.js";
import { createRepo, expectedOf } from "../support/repo.js";
import { Stack } from "../support/stack.js";
import { tempDir } from "../support/temp.js";
import { until } from "../support/until.js";
import { WatchClient } from "../support/watch-client.js";

const isRoot = process.getuid?.() === 0;

/** Runs the agent and checks that it leaves with one line and a status. */
async function refused(t: Test, args: string[], status: number, line: RegExp, env: NodeJS.ProcessEnv = {}) {
  const result = await runProgram(t, "agent", args, { env });
  t.match(result.stderr, line);
  t.match(result.stderr, /^agent: [^\n]+; [^\n]+\n$/, "one line: what, and what to do");
  t.equal(result.stdout, "");
  t.equal(result.status, status);
}

t.test("bad usage is one line and status 2", async (t) => {
  await refused(t, ["run"], 2, /no relay is set: give --relay URL or --join LINK/);
  await refused(t, ["--once", "--format", "xml"], 2, /Choices: "diff", "json", "stat"/);
  await refused(t, ["--once", "--frmat", "json"], 2, /Unknown argument: frmat; did you mean --format\?/);
  await refused(t, ["--once", "--relay", "http://localhost"], 2, /mutually exclusive/);
  await refused(t, ["--relay", "http://localhost"], 2, /no token given; use --token-file/);
  await refused(t, ["--relay", "localhost:7700", "--token-file", "x"], 2, /localhost:7700: not a relay URL/);
  await refused(
    t,
    ["--relay", "http://localhost", "some/path"],
    2,
    /a path is for a look, without a relay: some\/path/,
  );
});

t.test("--once names the path that it cannot show, and shows the others", async (t) => {
  const dir = tempDir(t);
  await refused(t, ["--once", dir], 2, /not a git repository \(or any of its parents\)/);
  await refused(t, ["--once", join(dir, "nothing")], 2, /nothing: no such file or directory/);
  const repo = createRepo(t, { a: "1\n" });
  repo.write("a", "2\n");
  const { status, stdout, stderr } = await runProgram(t, "agent", ["--once", dir, repo.root]);
  t.equal(status, 2);
  t.equal(stdout, expectedOf(repo.root).unified_diff.toString());
  t.equal(stderr.split("\n").length, 2);
  writeFileSync(join(repo.root, ".git/index"), "no index");
  await refused(t, ["--once", repo.root], 2, /index: the repository is damaged \(.+\); run `git fsck` there/);
});

t.test("a token file that holds something else is named", async (t) => {
  const dir = tempDir(t);
  const file = join(dir, "token");
  const args = (path: string) => ["--relay", "http://localhost", "--token-file", path];
  await refused(t, args(dir), 2, /no token in the token file \(EISDIR\); write the token, alone, into it/);
  writeFileSync(file, "two words\n");
  await refused(t, args(file), 2, /token: no token in the token file \(it holds more than one word of visible ASCII\)/);
  await refused(t, args(join(file, "below")), 2, /no token in the token file \(ENOTDIR\)/);
  const handedOver = { CREDENTIALS_DIRECTORY: dir };
  await refused(t, args(join(dir, "none")), 2, /none: no token in the token file \(ENOENT\)/, handedOver);
});

t.test("the daemon tries on when what answers is no relay", async (t) => {
  const server = createServer((_request, response) => response.end("hello")).listen(0, "127.0.0.1");
  t.teardown(() => server.close());
  await until("the server listens", () => server.listening);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const agent = startProgram(t, "agent", ["--relay", url, "--log-level", "debug"], {
    env: { TREEWIRE_AGENT_TOKEN: "t" },
  });
  await until("it is tried again", () => agent.stderr.split("TW_RELAY_NONSENSE").length > 2, {
    seen: () => agent.stderr,
  });
  t.match(agent.stderr, /what answers there is not a Treewire relay \(.+\); check the URL and any proxy before it/);
  t.ok(agent.running);
});

t.test("the daemon goes on with what still works, and tells what does not", async (t) => {
  const stack = await Stack.start(t);
  const home = tempDir(t);
  const good = createRepo(t, { a: "1\n" }, join(home, "good"));
  const corrupt = createRepo(t, { a: "1\n" }, join(home, "corrupt"));
  writeFileSync(join(corrupt.root, ".git/index"), "no index");
  mkdirSync(join(home, "closed"), { mode: 0 });
  t.teardown(() => chmodSync(join(home, "closed"), 0o755));
  const roots = [home, join(home, "closed"), join(home, "nowhere")];
  const { workspace, agent } = await stack.startAgent(t, { args: roots.flatMap((root) => ["--root", root]) });
  const token = await stack.clientToken("alice");
  const watch = async (paths: string[]) =>
    WatchClient.watch(t, stack.url, await stack.bind({ workspace, owner: "alice", paths }), token);

  const found = await watch([]);
  good.write("a", "2\n");
  await found.showsDiff(good.root, expectedOf(good.root).unified_diff.toString());
  await until("an error about the corrupt index", () => found.errors.some((text) => text.includes("is damaged")));
  t.match(agent.stderr, new RegExp(`${home}/nowhere: no such file or directory`));
  if (!isRoot) t.match(agent.stderr, new RegExp(`${home}/closed: cannot be read`));

  const outside = tempDir(t);
  const bound = await watch([good.root, outside, join(outside, "nothing")]);
  await until("two errors", () => bound.errors.length === 2, { seen: () => bound.messages });
  t.match(bound.errors, [/not a git repository/, /nothing: no such file or directory/]);
  good.write("a", "3\n");
  await bound.showsDiff(good.root, expectedOf(good.root).unified_diff.toString());

  t.test("a repository that is mended is shown again", async () => {
    corrupt.remove(".git/index");
    corrupt.git("reset", "-q");
    corrupt.write("a", "2\n");
    await found.showsDiff(corrupt.root, expectedOf(corrupt.root).unified_diff.toString());
  });
});
