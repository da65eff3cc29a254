import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { agentStatusSchema } from "../../src/protocol/index.js";
import { packagePath } from "../../src/util/index.js";
import { openBrowser, serveProject, withoutBrowser } from "../support/browser.js";
import { Program, programPath, runProgram } from "../support/program.js";
import { createRepo, GIT_ENV } from "../support/repo.js";
import { Stack } from "../support/stack.js";
import { type Cleanup, tempDir } from "../support/temp.js";
import { until } from "../support/until.js";
import { WatchClient } from "../support/watch-client.js";

const example = (name: string) => packagePath(`examples/${name}`);

/** A relay, an agent, and a chat that shows one tree with an edit. */
async function watchedTree(t: Cleanup) {
  const stack = await Stack.start(t);
  const repo = createRepo(t, { "a.txt": "one\n" });
  repo.write("a.txt", "two\n");
  const { workspace } = await stack.startAgent(t, { args: ["--root", repo.root] });
  const chat = await stack.bind({ workspace, owner: "alice", paths: [repo.root] });
  const token = await stack.clientToken("alice");
  await WatchClient.watch(t, stack.url, chat, token); // the agent is there
  return { stack, repo, chat, token };
}

t.test("follow.mjs prints a line for each file that changes, and for one that is as in HEAD again", async (t) => {
  const { stack, repo, chat, token } = await watchedTree(t);
  const child = spawn(process.execPath, [example("follow.mjs"), stack.url, chat], {
    env: { ...GIT_ENV, TREEWIRE_TOKEN: token },
    stdio: ["ignore", "pipe", "pipe"],
  });
  t.teardown(() => child.kill("SIGKILL"));
  const follow = new Program("follow.mjs", child);
  await follow.line("the edit", (line) => line === `main  +1 -1  ${repo.root}/a.txt`);
  repo.write("new.txt", "1\n2\n");
  await follow.line("the new file", (line) => line === `main  +2 -0  ${repo.root}/new.txt`);
  repo.write("a.txt", "one\n");
  await follow.line("the revert", (line) => line === `main  as in HEAD  ${repo.root}/a.txt`);
  t.match(await follow.stop("SIGINT"), { status: 0 });
});

t.test("follow.mjs without a token says how it is used", async (t) => {
  const child = spawn(process.execPath, [example("follow.mjs")], { stdio: ["ignore", "ignore", "pipe"] });
  const [status] = await once(child, "exit");
  t.equal(status, 2);
});

t.test("track-hook.sh has the chat follow the edit, and an edit that nobody follows does not fail", async (t) => {
  const { stack, repo } = await watchedTree(t);
  const env = { XDG_RUNTIME_DIR: tempDir(t), XDG_STATE_HOME: tempDir(t), XDG_CONFIG_HOME: tempDir(t) };
  const agent = join(tempDir(t), "agent");
  writeFileSync(agent, `#!/bin/sh\nexec "${process.execPath}" "${programPath("agent")}" "$@"\n`);
  chmodSync(agent, 0o755);
  const chat = await stack.bind({ workspace: "11111111-1111-4111-8111-111111111111", owner: "alice" });
  const runHook = async () => {
    const hook = spawn("sh", [example("track-hook.sh")], {
      env: { ...GIT_ENV, ...env, AGENT: agent, CODER_CHAT_ID: chat },
      stdio: ["pipe", "pipe", "pipe"],
    });
    const program = new Program("track-hook.sh", hook);
    hook.stdin.end(JSON.stringify({ cwd: repo.root, tool_input: { file_path: join(repo.root, "a.txt") } }));
    return { ...(await program.exit()), stderr: program.stderr };
  };
  const nobody = await runHook();
  t.equal(nobody.status, 0);
  t.match(nobody.stderr, /the edit is not followed/);

  const { agent: running } = await stack.startAgent(t, { workspace: "11111111-1111-4111-8111-111111111111", env });
  await until("the agent is connected", () => running.stderr.includes('"connected"'), { seen: () => running.stderr });
  t.match(await runHook(), { status: 0, stderr: "" });
  const status = await runProgram(t, "agent", ["status", "--json"], { env });
  const { chats } = agentStatusSchema.parse(JSON.parse(status.stdout));
  t.equal(chats.find((one) => one.chat === chat)?.tracked_paths, 1);
});

t.test("the page shows the diff of a chat, and an edit as it happens", { skip: withoutBrowser }, async (t) => {
  const { stack, repo, chat, token } = await watchedTree(t);
  const page = await (await openBrowser(t)).newPage();
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  await page.goto(`${await serveProject(t)}examples/page/index.html`);
  await page.fill("[name=url]", stack.url);
  await page.fill("[name=chat]", chat);
  await page.fill("[name=token]", token);
  await page.click("button");
  await page.waitForSelector(".added:text('+two')");
  repo.write("a.txt", "three\n");
  await page.waitForSelector(".added:text('+three')");
  t.equal(await page.locator(".added:text('+two')").count(), 0, "the line before is gone");
  repo.write("a.txt", "one\n");
  await page.waitForSelector("section:has-text('clean')");
  t.same(errors, []);
});
