import { randomUUID } from "node:crypto";
import t from "tap";
import { bindChat } from "../../src/relay/commands.js";
import { expectedDiff } from "../support/git-oracle.js";
import { runProgram, startProgram } from "../support/program.js";
import { createRepo, type TestRepo } from "../support/repo.js";
import { Stack } from "../support/stack.js";
import { ALLOW_TEMP, type Cleanup, tempDir } from "../support/temp.js";
import { until } from "../support/until.js";
import { WatchClient } from "../support/watch-client.js";

const stack = await Stack.start(t);
const token = await stack.clientToken("alice");
const workspace = randomUUID();
const tokenFile = await stack.agentToken(workspace);
const env = { ...ALLOW_TEMP, XDG_STATE_HOME: tempDir(t), XDG_RUNTIME_DIR: tempDir(t) };
const start = () =>
  startProgram(t, "agent", ["--relay", stack.homeUrl, "--token-file", tokenFile, "--root", tempDir(t)], { env });
let agent = start();

/** Branch `feature`, stacked on `below`, which is on `main`. */
function stackedRepo(t: Cleanup): TestRepo {
  const repo = createRepo(t, { a: "1\n" });
  repo.git("checkout", "-q", "-b", "below");
  repo.write("b", "1\n");
  repo.commit("below");
  repo.git("checkout", "-q", "-b", "feature");
  repo.write("c", "1\n");
  repo.commit("feature");
  repo.write("new", "1\n");
  return repo;
}

async function compared(t: Cleanup, chat: string): Promise<WatchClient> {
  await WatchClient.watch(t, stack.url, chat, token).then((client) => client.close());
  return WatchClient.open(t, `${stack.url}/chats/${chat}/git/watch?compare=base`, { token });
}

const diffAgainst = (repo: TestRepo, base: string): string => expectedDiff(repo.root, { base }).toString();

t.test("two chats on one tree have bases of their own, by how they are bound", async (t) => {
  const repo = stackedRepo(t);
  const binding = { workspace, owner: "alice", paths: [repo.root] };
  const plain = await compared(t, await stack.bind(binding));
  const chat = await stack.bind({ ...binding, base: "below" });
  const named = await compared(t, chat);
  await plain.showsDiff(repo.root, diffAgainst(repo, "main"));
  await named.showsDiff(repo.root, diffAgainst(repo, "below"));
  t.match(named.repositories.get(repo.root)?.compare, { kind: "base", base_ref: "below", ahead: 1 });
  repo.write("new", "2\n");
  await plain.showsDiff(repo.root, diffAgainst(repo, "main"));
  await named.showsDiff(repo.root, diffAgainst(repo, "below"));
  await bindChat(stack.place, { chat, ...binding });
  await named.showsDiff(repo.root, diffAgainst(repo, "main"));
  await bindChat(stack.place, { chat, ...binding, base: "feature" });
  await named.showsDiff(repo.root, diffAgainst(repo, "feature"));
  const args = ["chat", "bind", chat, ...stack.placeArgs, "--workspace", workspace, "--base"];
  t.match(await runProgram(t, "relay", [...args, "a..b"]), { status: 2, stderr: /not a ref's name/ });
});

t.test("a chat's base can be named where it works, and is remembered", async (t) => {
  const repo = stackedRepo(t);
  const chat = await stack.bind({ workspace, owner: "alice", paths: [repo.root], base: "main" });
  const client = await compared(t, chat);
  await client.showsDiff(repo.root, diffAgainst(repo, "main"));
  const track = (base: string) => runProgram(t, "agent", ["track", "--chat", chat, "--base", base, repo.root], { env });
  t.equal((await track("below")).status, 0);
  await client.showsDiff(repo.root, diffAgainst(repo, "below"));
  t.match(await track("a..b"), { status: 2 });
  await agent.stop();
  agent = start();
  const again = await compared(t, chat);
  await again.showsDiff(repo.root, diffAgainst(repo, "below"));
  const response = await until("the diff", async () => {
    const answer = await fetch(`${stack.url}/chats/${chat}/diff`, { headers: { "coder-session-token": token } });
    return answer.ok ? answer : undefined;
  });
  t.match(await response.json(), { diff: diffAgainst(repo, "below") });
});
