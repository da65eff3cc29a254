import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { unifiedDiff } from "../../src/protocol/index.js";
import { runProgram } from "../support/program.js";
import { createRepo, expectedOf, GIT_ENV, git, type TestRepo } from "../support/repo.js";
import { Stack } from "../support/stack.js";
import { type Cleanup, tempDir } from "../support/temp.js";
import { until } from "../support/until.js";
import { DeltaClient, WatchClient } from "../support/watch-client.js";

const stack = await Stack.start(t);
const alice = await stack.clientToken("alice");

/** What a repository's configuration can name for git, or for what git starts, to run: all that git documents. */
const COMMAND_KEYS = [
  ...["alias.status", "alias.diff", "alias.symbolic-ref", "alias.rev-parse", "browser.x.cmd"],
  ...["core.alternateRefsCommand", "core.askPass", "core.editor", "core.fsmonitor", "core.gitProxy", "core.pager"],
  ...["core.sshCommand", "credential.helper", "diff.external", "diff.evil.command", "diff.evil.textconv"],
  ...["difftool.x.cmd", "filter.evil.clean", "filter.evil.process", "filter.evil.smudge", "filter.lfs.clean"],
  ...["gpg.program", "gpg.ssh.defaultKeyCommand", "gpg.ssh.program", "gpg.x509.program", "guitool.x.cmd"],
  ...["imap.tunnel", "instaweb.httpd", "interactive.diffFilter", "lfs.customtransfer.x.path", "lfs.extension.x.clean"],
  ...["man.x.cmd", "merge.evil.driver", "mergetool.x.cmd", "pager.diff", "receive.procReceiveRefs"],
  ...["remote.origin.receivepack", "remote.origin.uploadpack", "sendemail.toCmd", "sequence.editor"],
  ...["submodule.sub.update", "tar.x.command", "trailer.x.cmd", "trailer.x.command", "uploadpack.packObjectsHook"],
];

/** The keys of which git wants the command behind a `!`. */
const BEHIND_MARK = /^(alias\.|credential\.|submodule\.)/;

const HOOKS = [
  ...["applypatch-msg", "commit-msg", "fsmonitor-watchman", "post-applypatch", "post-checkout", "post-commit"],
  ...[
    "post-index-change",
    "post-merge",
    "post-receive",
    "post-rewrite",
    "post-update",
    "pre-applypatch",
    "pre-auto-gc",
  ],
  ...["pre-commit", "pre-merge-commit", "pre-push", "pre-rebase", "pre-receive", "prepare-commit-msg"],
  ...["proc-receive", "push-to-checkout", "reference-transaction", "sendemail-validate", "update"],
];

interface Hostile {
  repo: TestRepo;
  /** The keys and hooks whose command has been run. */
  ran: () => string[];
}

/** A repository that has a command wherever one can stand, below a directory of its own. */
function hostile(t: Cleanup): Hostile {
  const repo = createRepo(
    t,
    { ".gitattributes": "*.x filter=evil diff=evil merge=evil working-tree-encoding=UTF-8\n*.bin filter=lfs\n" },
    join(tempDir(t), "unpacked"),
  );
  const marks = tempDir(t);
  for (const name of ["a.x", "b.x", "large.bin", "plain"]) repo.write(name, `${name}\n`);
  repo.commit();
  const missing = repo.git("rev-parse", "HEAD:b.x");
  for (const name of ["a.x", "b.x", "large.bin", "plain", "new.x"]) repo.write(name, `changed ${name}\n`);
  const command = (name: string) => `touch ${marks}/${name}; cat`;
  const settings = COMMAND_KEYS.map((key): [string, string] => {
    return [key, `${BEHIND_MARK.test(key) ? "!" : ""}${command(key)}`];
  });
  const hooks = tempDir(t);
  for (const directory of [hooks, join(repo.root, ".git/hooks")]) {
    mkdirSync(directory, { recursive: true });
    for (const hook of HOOKS)
      writeFileSync(join(directory, hook), `#!/bin/sh\n${command(`hook.${hook}`)}\n`, { mode: 0o755 });
  }
  settings.push(
    ["core.hooksPath", hooks],
    ["remote.origin.url", `ext::sh -c touch% ${marks}/remote.origin.url`],
    ["remote.origin.promisor", "true"],
    ["remote.origin.vcs", "ext"],
    ["protocol.allow", "always"],
    ["core.repositoryFormatVersion", "1"],
    ["extensions.partialClone", "origin"],
  );
  for (const [name, value] of settings) repo.git("config", "--file", ".git/config", name, value);
  rmSync(join(repo.root, ".git/objects", missing.slice(0, 2), missing.slice(2))); // which git would fetch
  const included = join(repo.root, ".git/included");
  repo.git("config", "--file", included, "filter.included.clean", command("filter.included.clean"));
  repo.git("config", "--file", ".git/config", "include.path", included);
  repo.write("c.y", "1\n");
  repo.write(".git/info/attributes", "*.y filter=included\n");
  return { repo, ran: () => readdirSync(marks).sort() };
}

/** An agent that watches the directory above a repository, and a chat of all that is there. */
async function watchAbove(t: Cleanup, repo: TestRepo, args: string[] = [], env: NodeJS.ProcessEnv = {}) {
  const { workspace, agent } = await stack.startAgent(t, { args: ["--root", join(repo.root, ".."), ...args], env });
  return { agent, chat: await stack.bind({ workspace, owner: "alice" }) };
}

for (const policy of [undefined, "none"]) {
  t.test(`with --filters ${policy ?? "at its default"}, the daemon runs nothing that a repository names`, async (t) => {
    const { repo, ran } = hostile(t);
    const { chat } = await watchAbove(t, repo, policy === undefined ? [] : ["--filters", policy]);
    const client = await WatchClient.watch(t, stack.url, chat, alice);
    await client.shows(repo.root, "is shown", (one) => one !== undefined && one.unified_diff !== "");
    const filters = [
      { path: "a.x", filter: "evil" },
      { path: "b.x", filter: "evil" },
      { path: "large.bin", filter: "lfs" },
      { path: "c.y", filter: "included" },
      { path: "new.x", filter: "evil" },
    ];
    t.same(client.repositories.get(repo.root)?.filters_not_run, filters);
    const diff = () => client.repositories.get(repo.root)?.unified_diff ?? "";
    t.match(diff(), "diff --git a/a.x b/a.x\n--- a/a.x\n+++ b/a.x\nFilter not run: evil\ndiff --git a/b.x");
    t.match(diff(), "\n+changed plain\n");
    t.notMatch(diff(), /changed (a|b|new|large)/);

    const deltas = await DeltaClient.open(t, `${stack.url}/chats/${chat}/git/watch`, { token: alice });
    const tree = await until("the tree is told", () => deltas.assembler.trees.get(repo.root));
    t.equal(unifiedDiff(tree.files), diff(), "the files of the delta protocol make the same text");

    repo.write("plain", "changed again\n");
    repo.write("a.x", "changed again\n");
    repo.write("d.x", "new\n");
    client.refresh();
    await client.shows(
      repo.root,
      "names one file more, and shows the edit of another",
      (one) => one?.filters_not_run?.length === filters.length + 1 && one.unified_diff.includes("\n+changed again\n"),
    );
    t.same(ran(), []);
    t.same(client.errors, []);
    // the marks are such that something would be seen: git itself runs some of the commands
    git(repo.root, "diff", "--no-ext-diff", "--", "a.x");
    t.match(ran().join(" "), /core\.fsmonitor.*filter\.evil/);
  });
}

t.test("with --filters all the daemon shows what git shows, and with the user's own configuration too", async (t) => {
  const repo = createRepo(t, { ".gitattributes": "*.x filter=up\n", "a.x": "A\n" }, join(tempDir(t), "repo"));
  repo.write("a.x", "abc\n");
  const config = join(tempDir(t), "gitconfig");
  writeFileSync(config, '[filter "up"]\n\tclean = tr a-z A-Z\n');
  const users = expectedOf(repo.root, config).unified_diff.toString();
  t.match(users, /^\+ABC$/m);
  const byUser = await watchAbove(t, repo, [], { GIT_CONFIG_GLOBAL: config });
  await (await WatchClient.watch(t, stack.url, byUser.chat, alice)).showsDiff(repo.root, users);
  repo.git("config", "filter.up.clean", "rev");
  const all = await watchAbove(t, repo, ["--filters", "all"]);
  await (await WatchClient.watch(t, stack.url, all.chat, alice)).showsDiff(
    repo.root,
    expectedOf(repo.root).unified_diff.toString(),
  );
});

t.test("agent --once runs all filters, unless it is told otherwise", async (t) => {
  const repo = createRepo(t, { ".gitattributes": "*.x filter=up\n", "a.x": "A\n", b: "1\n" });
  repo.write("a.x", "abc\n");
  repo.write("b", "2\n");
  const mark = join(tempDir(t), "mark");
  repo.git("config", "filter.up.clean", `touch ${mark}; tr a-z A-Z`);
  const once = async (...args: string[]) => (await runProgram(t, "agent", ["--once", ...args, repo.root])).stdout;
  const header = "diff --git a/a.x b/a.x\n--- a/a.x\n+++ b/a.x\nFilter not run: up\ndiff --git a/b b/b\n";
  for (const policy of ["user", "none"]) t.match(await once("--filters", policy), header);
  t.match(JSON.parse(await once("--filters", "user", "--format", "json")).repositories, [
    { filters_not_run: [{ path: "a.x", filter: "up" }], unified_diff: header },
  ]);
  t.match(await once("--filters", "user", "--format", "stat"), /^ a\.x \| Filter not run\n b {3}\| 2 \+-\n/);
  t.notOk(existsSync(mark));
  t.equal(await once(), expectedOf(repo.root).unified_diff.toString());
  t.ok(existsSync(mark));
  const { status, stderr } = await runProgram(t, "agent", ["--once", "--filters", "some", repo.root]);
  t.equal(status, 2);
  t.match(stderr, /filters.*user.*all.*none/);
});

t.test("agent status says how many files are shown without what a filter makes of them", async (t) => {
  const { repo } = hostile(t);
  const env = { XDG_STATE_HOME: tempDir(t), XDG_RUNTIME_DIR: tempDir(t) };
  const { chat } = await watchAbove(t, repo, [], env);
  const client = await WatchClient.watch(t, stack.url, chat, alice);
  await client.shows(repo.root, "is shown", (one) => one?.filters_not_run !== undefined);
  const { stdout } = await runProgram(t, "agent", ["status"], { env: { ...GIT_ENV, ...env } });
  t.match(stdout, /unpacked +6 changed files \(5 behind filters that were not run\)/);
});
