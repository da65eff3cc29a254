// What an agent shows is decided in its workspace: a relay, played by the real one, asks for everything else.
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { agentStatusSchema } from "../../src/protocol/index.js";
import { runProgram } from "../support/program.js";
import { createRepo, expectedOf, type TestRepo } from "../support/repo.js";
import { Stack } from "../support/stack.js";
import { tempDir } from "../support/temp.js";
import { until } from "../support/until.js";
import { WatchClient } from "../support/watch-client.js";

const stack = await Stack.start(t);
const alice = await stack.clientToken("alice");
const diffOf = (repo: TestRepo) => expectedOf(repo.root).unified_diff.toString();
const REFUSED = /: not in the directories that this workspace lets be shown; /;

t.test("roots, --allow-root and tracked paths are shown; everything else is refused, and that is said", async (t) => {
  const base = tempDir(t);
  const repo = (name: string) => {
    const made = createRepo(t, { a: "1\n" }, join(base, name));
    made.write("a", "SECRET\n");
    return made;
  };
  const [own, extra, tracked, secret] = [repo("root/own"), repo("extra/app"), repo("tracked"), repo("secret")] as const;
  const root = join(base, "root");
  symlinkSync(secret.root, join(root, "link"));
  mkdirSync(join(root, "file"));
  writeFileSync(join(root, "file/.git"), `gitdir: ${join(secret.root, ".git")}\n`);
  const env = { TREEWIRE_ALLOW_ROOT: "", XDG_STATE_HOME: tempDir(t), XDG_RUNTIME_DIR: tempDir(t) };
  const args = ["--root", root, "--allow-root", join(base, "extra")];
  const { workspace, agent } = await stack.startAgent(t, { args, env });
  await until("the agent is connected", () => agent.stderr.includes('"connected"'), { seen: () => agent.stderr });
  const watch = async (paths: string[]) =>
    WatchClient.watch(t, stack.url, await stack.bind({ workspace, owner: "alice", paths }), alice);

  const asked = [
    secret.root,
    join(secret.root, "a"),
    join(base, "nowhere/at/all"),
    join(root, "link"),
    join(root, "link/a"),
    join(root, "file/a"),
    tracked.root,
    "/",
  ];
  const client = await watch([own.root, extra.root, ...asked]);
  await client.showsDiff(own.root, diffOf(own));
  await client.showsDiff(extra.root, diffOf(extra));
  await until("every other path is refused", () => client.errors.length >= asked.length, { seen: () => client.errors });
  for (const path of asked) {
    const about = client.errors.filter((message) => message.startsWith(`${path}: `));
    t.same(about.length, 1, path);
    t.match(about[0], REFUSED);
  }
  const words = new Set(client.errors.map((message) => message.replace(/^.*?: /, "")));
  t.equal(words.size, 1, "the same words whether a path exists or not");

  const everything = await watch([]);
  await everything.showsDiff(own.root, diffOf(own));
  for (const one of [client, everything]) {
    for (const { repositories = [] } of one.changes) {
      for (const { repo_root } of repositories) t.ok([own.root, extra.root].includes(repo_root), repo_root);
    }
  }

  const status = await runProgram(t, "agent", ["status", "--json"], { env });
  const { allowed, problems } = agentStatusSchema.parse(JSON.parse(status.stdout));
  t.same(allowed, [root, join(base, "extra")]);
  t.ok(problems.some((problem) => problem.includes(`: ${secret.root}: not in the directories`)));
  t.ok(
    problems.some((problem) => problem.startsWith(`${join(root, "file")}: not in`)),
    "one that was found under a root as well",
  );
  t.match((await runProgram(t, "agent", ["status"], { env })).stdout, `2 allowed directories:\n  ${root}\n`);

  const chat = await stack.bind({ workspace, owner: "alice", paths: [] });
  await runProgram(t, "agent", ["track", "--chat", chat, join(tracked.root, "a")], { env });
  await (await WatchClient.watch(t, stack.url, chat, alice)).showsDiff(tracked.root, diffOf(tracked));
  await (await watch([tracked.root])).showsDiff(tracked.root, diffOf(tracked));

  t.test("a tree that is replaced by a link, or by a .git file, is gone and not followed", async (t) => {
    renameSync(own.root, `${own.root}-away`);
    symlinkSync(secret.root, own.root);
    await client.shows(own.root, "is not shown", (change) => change === undefined);
    renameSync(join(extra.root, ".git"), join(base, "extra-git"));
    writeFileSync(join(extra.root, ".git"), `gitdir: ${join(secret.root, ".git")}\n`);
    await client.shows(extra.root, "is not shown", (change) => change === undefined);
    secret.write("a", "more\n");
    t.notOk(client.changes.some(({ repositories = [] }) => repositories.some((one) => one.repo_root === secret.root)));
  });

  t.test("a directory on the way to a tracked path that becomes a link is not followed", async () => {
    const other = createRepo(t, { "sub/a": "1\n" }, join(base, "other"));
    other.write("sub/a", "2\n");
    const about = await stack.bind({ workspace, owner: "alice", paths: [] });
    await runProgram(t, "agent", ["track", "--chat", about, join(other.root, "sub/a")], { env });
    const viewer = await WatchClient.watch(t, stack.url, about, alice);
    await viewer.showsDiff(other.root, diffOf(other));
    renameSync(join(other.root, "sub"), join(base, "sub-away"));
    symlinkSync(secret.root, join(other.root, "sub"));
    viewer.refresh();
    await until("it is refused", () => viewer.errors.some((message) => REFUSED.test(message)), {
      seen: () => viewer.messages,
    });
    t.notOk(viewer.changes.some(({ repositories = [] }) => repositories.some((one) => one.repo_root === secret.root)));
  });
});
