import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { watchTrees } from "../../src/client/index.js";
import { type DeltaTree, type RepositoryChange, type TreeFile, unifiedDiff } from "../../src/protocol/index.js";
import { samples } from "../secrets/samples.js";
import { expectedDiff, expectedTreeDiff } from "../support/git-oracle.js";
import { runProgram, startProgram } from "../support/program.js";
import { SEED } from "../support/random.js";
import { createRepo, git, TestRepo } from "../support/repo.js";
import { Stack } from "../support/stack.js";
import { type Cleanup, tempDir } from "../support/temp.js";
import { until } from "../support/until.js";
import { TerminalViewer } from "../support/viewers.js";
import { DeltaClient, refusedUpgrade, WatchClient } from "../support/watch-client.js";

const stack = await Stack.start(t);
const token = await stack.clientToken("alice");
const { workspace } = await stack.startAgent(t);

const lines = (count: number) => Array.from({ length: count }, (_, at) => `line ${at}\n`).join("");

/** A clone on branch `feature` with one commit, and a chat that shows it. */
async function featureChat(t: Cleanup) {
  const origin = createRepo(t, { a: lines(9), b: "1\n" });
  const repo = new TestRepo(join(tempDir(t), "clone"));
  git(origin.root, "clone", "-q", origin.root, repo.root);
  repo.git("checkout", "-q", "--no-track", "-b", "feature");
  repo.write("a", lines(9).replace("line 2", "second"));
  repo.commit("one");
  const chat = await stack.bind({ workspace, owner: "alice", paths: [repo.root] });
  await WatchClient.watch(t, stack.url, chat, token).then((client) => client.close()); // the agent is there
  return { origin, repo, chat, path: `${stack.url}/api/v2/chats/${chat}/git/watch` };
}

const baseOf = (repo: TestRepo): string => repo.git("merge-base", "HEAD", "origin/main");
const comparedDiff = (repo: TestRepo): string => expectedDiff(repo.root, { base: baseOf(repo) }).toString();

/** The trees of a delta client. */
const treeOf = (client: DeltaClient, root: string) => client.assembler.trees.get(root);
const textOf = (client: DeltaClient, root: string): string => unifiedDiff([...(treeOf(client, root)?.files ?? [])]);

t.test("clients of one chat compare with different things, each live", async (t) => {
  const { repo, path } = await featureChat(t);
  const oid = repo.git("rev-parse", "HEAD");
  const [head, base, commit] = await Promise.all(
    ["", "?compare=base", `?compare=commit:${oid}`].map((query) => WatchClient.open(t, path + query, { token })),
  );
  if (head === undefined || base === undefined || commit === undefined) throw new Error("three clients");
  const [first] = (await head.first()).repositories ?? [];
  t.same(first, {
    repo_root: repo.root,
    branch: "feature",
    remote_origin: repo.git("remote", "get-url", "origin"),
    unified_diff: "",
  });
  const [compared] = (await base.first()).repositories ?? [];
  t.equal(compared?.unified_diff, comparedDiff(repo));
  t.match(compared, {
    compare: { kind: "base", base_ref: "origin/main", base_oid: baseOf(repo), ahead: 1, behind: 0 },
    commits: [{ oid, subject: "one", files: 1, additions: 1, deletions: 1 }],
    commits_truncated: false,
  });
  const [shown] = (await commit.first()).repositories ?? [];
  t.equal(shown?.unified_diff, expectedTreeDiff(repo.root, "HEAD~1", "HEAD").toString());

  repo.write("a", lines(9).replace("line 2", "second").replace("line 7", "seventh"));
  repo.write("new", "1\n");
  await base.showsDiff(repo.root, comparedDiff(repo));
  await head.showsDiff(repo.root, expectedDiff(repo.root).toString());
  repo.commit("two");
  const committed = comparedDiff(repo);
  await base.shows(
    repo.root,
    "has two commits, and the same diff",
    (change) => change?.commits?.length === 2 && change.unified_diff === committed,
  );
  await head.showsDiff(repo.root, "");
  base.refresh();
  await base.changesFrame(base.changes.length + 1);
  const shownAnew = commit.changes.slice(1).flatMap(({ repositories = [] }) => repositories);
  t.same(shownAnew, [], "a commit does not change");
  t.same([...head.errors, ...base.errors, ...commit.errors], []);
});

t.test("a delta client changes what it compares with on the open socket", async (t) => {
  const { repo, path } = await featureChat(t);
  const client = await DeltaClient.open(t, path, { token });
  const compareWith = (compare: string) => client.send(JSON.stringify({ type: "compare", compare }));
  await until("HEAD's", () => treeOf(client, repo.root) !== undefined);
  const plain = client.messages.find((message): message is DeltaTree => message.type === "tree");
  t.notOk(plain?.meta.compare, "nothing of it in HEAD's");
  const seen = () => client.messages.slice(-4);
  const compared = comparedDiff(repo);
  compareWith("base");
  await until("the base's", () => textOf(client, repo.root) === compared, { seen });
  const { meta, files } = treeOf(client, repo.root) ?? { files: [] as TreeFile[] };
  t.match(meta, { compare: { kind: "base", base_oid: baseOf(repo) }, commits: [{ subject: "one" }] });
  t.equal(files[0]?.committed, true);
  repo.write("a", lines(9).replace("line 2", "second").replace("line 7", "seventh"));
  const edited = comparedDiff(repo);
  await until("the edit", () => textOf(client, repo.root) === edited, { seen });
  t.equal(treeOf(client, repo.root)?.files[0]?.committed, false);
  t.match(treeOf(client, repo.root)?.meta.commits, [{ subject: "one" }], "they are there although they did not change");
  compareWith("ref:feature~1".replace("~1", ""));
  await until("a ref's", () => treeOf(client, repo.root)?.meta.compare?.kind === "ref");
  t.equal(textOf(client, repo.root), expectedDiff(repo.root, { base: "feature" }).toString());
  const ofHead = expectedDiff(repo.root).toString();
  compareWith("head");
  // the relay has HEAD's diff from before the edit, and may show that first
  const isOfHead = () => treeOf(client, repo.root)?.meta.compare === undefined && textOf(client, repo.root) === ofHead;
  await until("HEAD's again", isOfHead, { seen });
  compareWith("what?");
  await until("an error", () =>
    client.messages.find((message) => message.type === "error" && /a comparison is/.test(message.message)),
  );
});

t.test("the terminal's client and the library compare as well", async (t) => {
  const { repo, chat } = await featureChat(t);
  const tokenFile = join(tempDir(t), "token");
  writeFileSync(tokenFile, `${token}\n`);
  const args = ["watch", chat, "--url", stack.url, "--token-file", tokenFile, "--compare"];
  const viewer = new TerminalViewer(startProgram(t, "relay", [...args, "base"]));
  const compared = comparedDiff(repo);
  await until("relay watch", () => viewer.diff(repo.root) === compared, { seen: () => viewer.diff(repo.root) });
  t.match(await runProgram(t, "relay", [...args, "branch"]), {
    status: 2,
    stderr: /head, base, ref:NAME or commit:OID/,
  });
  const stop = new AbortController();
  t.teardown(() => stop.abort());
  for await (const { trees } of watchTrees({ url: stack.url, chat, token, compare: "base", signal: stop.signal })) {
    const tree = trees.get(repo.root);
    t.equal(unifiedDiff([...(tree?.files ?? [])]), compared);
    t.match(tree?.meta.compare, { kind: "base", base_ref: "origin/main" });
    break;
  }
});

t.test("what cannot be compared with is said beside HEAD's diff", async (t) => {
  const { repo, path } = await featureChat(t);
  repo.write("b", "2\n");
  const client = await WatchClient.open(t, `${path}?compare=ref:nowhere`, { token });
  const [entry] = (await client.first()).repositories ?? [];
  t.match(entry, { compare: { kind: "head", reason: "nowhere: there is no such ref" }, commits: [] });
  t.equal(entry?.unified_diff, expectedDiff(repo.root).toString());
  repo.git("branch", "nowhere", "HEAD~1");
  await client.shows(repo.root, "is compared", (change) => change?.compare?.kind === "ref");
  t.equal(client.repositories.get(repo.root)?.unified_diff, expectedDiff(repo.root, { base: "nowhere" }).toString());
});

t.test("a malformed comparison is refused before the upgrade", async (t) => {
  const { path } = await featureChat(t);
  for (const compare of ["", "branch", "ref:", "ref:a..b", "commit:xyz"]) {
    const refused = await refusedUpgrade(t, `${path}?compare=${compare}`, { token });
    t.match(
      refused,
      { status: 400, body: { message: "Invalid comparison.", validations: [{ field: "compare" }] } },
      compare,
    );
  }
});

t.test("secrets are hidden in comparisons, and in the words of commits", async (t) => {
  const [github] = samples(SEED);
  const { repo, path } = await featureChat(t);
  repo.write("app.ts", `const token = "${github?.text}";\n`);
  repo.write(".env", "PASSWORD=hidden-by-path\n");
  repo.commit(`use ${github?.text}\n\nThe token is ${github?.text}.`);
  for (const compare of ["base", `commit:${repo.git("rev-parse", "HEAD")}`]) {
    const client = await WatchClient.open(t, `${path}?compare=${compare}`, { token });
    const text = JSON.stringify(await client.first());
    t.notMatch(text, github?.body ?? "no sample", compare);
    t.notMatch(text, "hidden-by-path", compare);
    t.match((await client.first()).repositories?.[0], { withheld_files: [{ path: ".env" }], commits: [{ files: 2 }] });
  }
});

t.test("HEAD's diff is kept while the agent is away, and stands for a comparison", async (t) => {
  const stack = await Stack.start(t);
  const token = await stack.clientToken("alice");
  const workspace = randomUUID();
  const { agent } = await stack.startAgent(t, { workspace });
  const repo = createRepo(t, { a: "1\n" });
  repo.git("checkout", "-q", "-b", "feature");
  repo.write("b", "1\n");
  repo.commit("one");
  repo.write("a", "2\n");
  const chat = await stack.bind({ workspace, owner: "alice", paths: [repo.root] });
  const seen = await WatchClient.watch(t, stack.url, chat, token);
  t.equal(seen.repositories.get(repo.root)?.unified_diff, expectedDiff(repo.root).toString());
  agent.child.kill();
  await agent.exit();
  const path = `${stack.url}/api/v2/chats/${chat}/git/watch`;
  const client = await until("a stale stream", async () => {
    const opened = await WatchClient.attempt(t, `${path}?stale=ok&compare=base`, { token });
    return opened instanceof WatchClient ? opened : undefined;
  });
  const first = await client.first();
  const entry: RepositoryChange | undefined = first.repositories?.[0];
  t.equal(first.stale, true);
  t.match(entry, { compare: { kind: "head", reason: /not connected/ }, commits: [] });
  t.equal(entry?.unified_diff, expectedDiff(repo.root).toString());
  await stack.startAgent(t, { workspace });
  const expected = expectedDiff(repo.root, { base: "main" }).toString();
  await client.showsDiff(repo.root, expected);
  t.match(client.repositories.get(repo.root)?.compare, { kind: "base", base_ref: "main", ahead: 1, behind: 0 });
});
