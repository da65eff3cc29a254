import { randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { createRepo, expectedOf, git, type TestRepo } from "../support/repo.js";
import { Stack } from "../support/stack.js";
import { type Cleanup, tempDir } from "../support/temp.js";
import { until } from "../support/until.js";
import { refusedUpgrade, WatchClient } from "../support/watch-client.js";

const stack = await Stack.start(t);
const alice = await stack.clientToken("alice");
const bob = await stack.clientToken("bob");
const admin = await stack.clientToken("root", true);
const agentRoot = tempDir(t);
const { workspace } = await stack.startAgent(t, { args: ["--root", agentRoot] });

/** A chat of alice's on one repository, with a client. */
async function watched(t: Cleanup, repo: TestRepo) {
  const chat = await stack.bind({ workspace, owner: "alice", paths: [repo.root] });
  return { chat, client: await WatchClient.watch(t, stack.url, chat, alice) };
}

const diffOf = (repo: TestRepo) => expectedOf(repo.root).unified_diff.toString();

t.test("an edit arrives, and a commit makes the tree clean", async (t) => {
  const repo = createRepo(t, { "a.txt": "one\n" });
  repo.git("remote", "add", "origin", "git@example.com:me/app.git");
  const { client } = await watched(t, repo);
  t.match(client.changes[0], {
    scanned_at: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
    repositories: [
      { repo_root: repo.root, branch: "main", remote_origin: "git@example.com:me/app.git", unified_diff: "" },
    ],
  });
  repo.write("a.txt", "two\n");
  repo.write("new ü.txt", "new\n");
  await client.showsDiff(repo.root, diffOf(repo));
  repo.commit();
  t.equal(diffOf(repo), "");
  await client.showsDiff(repo.root, "");
  repo.git("checkout", "-q", "-b", "topic");
  await client.shows(repo.root, "is on topic", (change) => change?.branch === "topic");
  repo.git("checkout", "-q", "--detach");
  await client.shows(repo.root, "is detached", (change) => change?.branch === "");
  t.same(client.errors, []);
});

t.test(
  "a repository that appears under the agent's root is shown long before the roots are searched by the clock",
  async (t) => {
    const chat = await stack.bind({ workspace, owner: "alice", paths: [] });
    const client = await WatchClient.watch(t, stack.url, chat, alice);
    const roots = () => [...client.repositories.keys()];
    const repo = createRepo(t, { a: "a\n" }, join(agentRoot, "deep/er/repository"));
    await until("the repository", () => roots().includes(repo.root), { deadlineMs: 5000, seen: roots });
    rmSync(join(agentRoot, "deep"), { recursive: true });
    await until("its end", () => roots().length === 0, { deadlineMs: 5000, seen: roots });
  },
);

t.test("a second client gets its own whole first frame, and each is told every change", async (t) => {
  const repo = createRepo(t, { a: "1\n", b: "1\n" });
  const { client, chat } = await watched(t, repo);
  repo.write("a", "2\n");
  await client.showsDiff(repo.root, diffOf(repo));
  const second = await WatchClient.watch(t, stack.url, chat, alice);
  t.match(second.changes[0]?.repositories, [{ repo_root: repo.root, unified_diff: diffOf(repo) }]);
  repo.write("b", "2\n");
  await Promise.all([client, second].map((one) => one.showsDiff(repo.root, diffOf(repo))));
  second.close();
  repo.write("b", "3\n");
  await client.showsDiff(repo.root, diffOf(repo));
});

t.test("a refresh is answered when everything written before it has been told", async (t) => {
  const repo = createRepo(t, { a: "1\n" });
  const { client } = await watched(t, repo);
  for (let round = 1; round <= 5; round += 1) {
    const answers = client.changes.length;
    repo.write("a", `round ${round}\n`);
    client.send('{"type":"refresh"}');
    const expected = diffOf(repo);
    await until("an answer that comes after the edit", () => {
      const told = client.messages.findLastIndex((message) => message.type === "changes" && message.repositories);
      return client.changes.length > answers && client.repositories.get(repo.root)?.unified_diff === expected && told;
    });
  }
  const before = client.changes.length;
  client.send('{"type":"refresh"}');
  const answer = await until("an answer when nothing changed", () => client.changes[before]);
  t.equal(answer.repositories, undefined, "which has scanned_at alone");
});

t.test("what the relay does not know gets an error, and the socket stays", async (t) => {
  const repo = createRepo(t, { a: "1\n" });
  const { client } = await watched(t, repo);
  for (const text of ['{"type":"nonsense"}', "no json", "{}", "[1]"]) client.send(text);
  await until("four errors", () => client.errors.length === 4);
  t.same(new Set(client.errors), new Set(["unknown message type"]));
  repo.write("a", "2\n");
  await client.showsDiff(repo.root, diffOf(repo));
});

t.test("a chat shows several repositories, and a frame carries only what changed", async (t) => {
  const home = tempDir(t);
  const one = createRepo(t, { a: "1\n" }, join(home, "one"));
  const two = createRepo(t, { a: "1\n" }, join(home, "deep/er/two"));
  const { workspace } = await stack.startAgent(t, { args: ["--root", home] });
  const chat = await stack.bind({ workspace, owner: "alice" });
  const client = await WatchClient.watch(t, stack.url, chat, alice);
  t.same(client.changes[0]?.repositories?.map(({ repo_root }) => repo_root).sort(), [two.root, one.root].sort());
  const before = client.messages.length;
  two.write("a", "2\n");
  await client.showsDiff(two.root, diffOf(two));
  const told = client.changes.filter((message) => client.messages.indexOf(message) >= before);
  t.same(
    new Set(told.flatMap(({ repositories = [] }) => repositories.map(({ repo_root }) => repo_root))),
    new Set([two.root]),
  );

  t.test("also one that comes into being, at the latest with a refresh", async () => {
    const three = createRepo(t, { a: "1\n" }, join(home, "three"));
    three.write("a", "2\n");
    client.send('{"type":"refresh"}');
    await client.showsDiff(three.root, diffOf(three));
  });
});

t.test("several chats of one agent show what each is bound to, one repository in two of them", async (t) => {
  const one = createRepo(t, { a: "1\n" });
  const two = createRepo(t, { a: "1\n" });
  const both = await stack.bind({ workspace, owner: "alice", paths: [join(one.root, "a"), two.root] });
  const single = await stack.bind({ workspace, owner: "bob", paths: [one.root] });
  const wide = await WatchClient.watch(t, stack.url, both, alice);
  const narrow = await WatchClient.watch(t, stack.url, single, bob);
  t.equal(wide.changes[0]?.repositories?.length, 2);
  t.equal(narrow.changes[0]?.repositories?.length, 1);
  one.write("a", "2\n");
  await Promise.all([wide, narrow].map((client) => client.showsDiff(one.root, diffOf(one))));
  two.write("a", "2\n");
  await wide.showsDiff(two.root, diffOf(two));
  t.notOk(narrow.repositories.has(two.root));
});

t.test("a chat without any repository begins with an empty list", async (t) => {
  const chat = await stack.bind({ workspace, owner: "alice" });
  const client = await WatchClient.watch(t, stack.url, chat, alice);
  t.same(client.changes[0]?.repositories, []);
});

t.test("a repository that vanishes is removed, and is shown again when it returns", async (t) => {
  const repo = createRepo(t, { a: "1\n" });
  const { client } = await watched(t, repo);
  rmSync(repo.root, { recursive: true });
  await until("it is removed", () =>
    client.changes.some(({ repositories = [] }) => repositories.some(({ removed }) => removed === true)),
  );
  t.equal(client.repositories.size, 0);
  const again = createRepo(t, { b: "1\n" }, repo.root);
  again.write("b", "2\n");
  await client.showsDiff(repo.root, diffOf(again));
});

t.test("a linked worktree and a repository without commits are trees like others", async (t) => {
  const repo = createRepo(t, { a: "1\n" });
  const linked = join(tempDir(t), "linked");
  repo.git("worktree", "add", "-q", "-b", "side", linked);
  const unborn = createRepo(t);
  const chat = await stack.bind({ workspace, owner: "alice", paths: [linked, unborn.root] });
  const client = await WatchClient.watch(t, stack.url, chat, alice);
  t.equal(client.repositories.get(linked)?.branch, "side");
  unborn.write("first", "1\n");
  await client.showsDiff(unborn.root, diffOf(unborn));
  git(linked, "rm", "-q", "a");
  await client.showsDiff(linked, expectedOf(linked).unified_diff.toString());
});

t.test("every form of the route is served to whoever may see the chat, and to nobody else", async (t) => {
  const repo = createRepo(t, { a: "1\n" });
  const { chat } = await watched(t, repo);
  for (const prefix of ["/api/v2", "/api/experimental", ""]) {
    for (const name of ["git/watch", "stream/git"]) {
      const path = `${prefix}/chats/${chat}/${name}`;
      const url = stack.url + path;
      t.ok((await WatchClient.attempt(t, url, { token: alice })) instanceof WatchClient, path);
      t.match(await WatchClient.attempt(t, url, { token: bob }), { status: 404 }, `${path} of somebody else`);
      t.match(await WatchClient.attempt(t, url), { status: 401 }, `${path} without a token`);
    }
  }
  const ofAdmin = await WatchClient.attempt(t, `${stack.url}/chats/${chat}/git/watch`, { token: admin });
  t.ok(ofAdmin instanceof WatchClient, "an admin");
  const refused = (path: string) => refusedUpgrade(t, stack.url + path, { token: alice });
  t.match(await refused(`/chats/${randomUUID()}/git/watch`), {
    status: 404,
    body: { message: "Resource not found or you do not have access to this resource" },
  });
  t.match(await refused("/chats/no-uuid/git/watch"), { status: 400, body: { message: "Invalid chat ID." } });
});

t.test("a chat whose agent is not there is refused in Coder's words", async (t) => {
  const workspace = randomUUID();
  const chat = await stack.bind({ workspace, owner: "alice" });
  const answer = () => refusedUpgrade(t, `${stack.url}/chats/${chat}/git/watch`, { token: alice });
  t.match(await answer(), { status: 400, body: { message: "Chat workspace not found." } });
  await stack.agentToken(workspace);
  t.match(await answer(), {
    status: 400,
    body: { message: 'Agent state is "disconnected", it must be in the "connected" state.' },
  });
});

t.test("a chat that is bound anew while it is watched shows its new trees", async (t) => {
  const one = createRepo(t, { a: "1\n" });
  const two = createRepo(t, { a: "1\n" });
  const { client, chat } = await watched(t, one);
  await stack.bind({ workspace, owner: "alice", paths: [two.root], chat });
  await until("the new tree and no other", () => client.repositories.has(two.root) && client.repositories.size === 1, {
    seen: () => client.messages,
  });
});
