// The agent's setting `watcher`: what it is for a person who sets it.
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { agentStatusSchema } from "../../src/protocol/index.js";
import { runProgram } from "../support/program.js";
import { createRepo, expectedOf } from "../support/repo.js";
import { Stack } from "../support/stack.js";
import { type Cleanup, tempDir } from "../support/temp.js";
import { WatchClient } from "../support/watch-client.js";

const project = fileURLToPath(new URL("../../../", import.meta.url));
const stack = await Stack.start(t);
const alice = await stack.clientToken("alice");

for (const watcher of ["parcel", "poll"] as const) {
  t.test(`with --watcher ${watcher} edits are shown, repositories are found, and the status names it`, async (t) => {
    const root = tempDir(t);
    const state = tempDir(t);
    const env = { XDG_STATE_HOME: state, XDG_RUNTIME_DIR: state };
    const { workspace } = await stack.startAgent(t, { args: ["--watcher", watcher, "--root", root], env });
    const repo = createRepo(t, { a: "1\n" }, join(root, "first"));
    const client = await WatchClient.watch(t, stack.url, await stack.bind({ workspace, owner: "alice" }), alice);
    const diff = (of = repo) => expectedOf(of.root).unified_diff.toString();
    repo.write("a", "2\n");
    await client.showsDiff(repo.root, diff());
    repo.write("new/deep/b", "1\n");
    await client.showsDiff(repo.root, diff());
    const second = createRepo(t, { a: "1\n" }, join(root, "second"));
    second.write("a", "3\n");
    await client.showsDiff(second.root, diff(second));
    const { stdout } = await runProgram(t, "agent", ["status", "--json"], { env });
    const status = agentStatusSchema.parse(JSON.parse(stdout));
    t.equal(status.watcher, watcher);
    const health = status.trees.map((tree) => tree.health);
    t.same(
      health.map((text) => /^polled every \d+ s: nothing is watched, as the agent's setting/.test(text)),
      health.map(() => watcher === "poll"),
    );
  });
}

t.test("a value that is none is one line", async (t) => {
  const { status, stderr } = await runProgram(t, "agent", ["--relay", stack.homeUrl], {
    env: { TREEWIRE_WATCHER: "fsevents" },
  });
  t.equal(status, 2);
  t.match(stderr, /^agent: TREEWIRE_WATCHER: [^\n]*one of inotify, parcel, poll[^\n]*\n$/);
});

/** The package as it is installed without optional dependencies. */
function withoutOptional(t: Cleanup): string {
  const dir = tempDir(t);
  const modules = join(dir, "node_modules");
  mkdirSync(join(modules, "@parcel"), { recursive: true });
  for (const name of readdirSync(join(project, "node_modules"))) {
    if (name !== "@parcel") symlinkSync(join(project, "node_modules", name), join(modules, name));
  }
  cpSync(join(project, "node_modules/@parcel/watcher"), join(modules, "@parcel/watcher"), { recursive: true });
  rmSync(join(modules, "@parcel/watcher/build"), { recursive: true, force: true });
  for (const part of ["package.json", "dist/bin", "dist/chunks", "dist/src"]) {
    if (existsSync(join(project, part))) cpSync(join(project, part), join(dir, part), { recursive: true });
  }
  return join(dir, "dist/bin/agent.js");
}

t.test("where parcel's binary is missing the agent does not start with it, and does without", async (t) => {
  const program = withoutOptional(t);
  const env = { TREEWIRE_AGENT_TOKEN: "secret" };
  const args = ["--relay", stack.homeUrl, "--watcher", "parcel"];
  const { status, stdout, stderr } = await runProgram(t, "agent", args, { program, env });
  t.strictSame([status, stdout], [2, ""]);
  t.match(
    stderr,
    /^agent: parcel: this watcher cannot be had here \(No prebuild [^\n.]+\); name another one with --watcher[^\n]+\n$/,
  );
  const repo = createRepo(t, { a: "1\n" });
  repo.write("a", "2\n");
  const once = await runProgram(t, "agent", ["--once", repo.root], { program });
  t.strictSame([once.status, once.stderr], [0, ""], "--once watches nothing");
  t.equal(once.stdout, expectedOf(repo.root).unified_diff.toString());
});
