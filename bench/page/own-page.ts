import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { watchTrees } from "../../src/client/index.js";
import { bindChat, createToken } from "../../src/relay/index.js";
import { startProgram } from "../../test/support/program.js";
import { ALLOW_TEMP, type Cleanup, tempDir } from "../../test/support/temp.js";
import { RelayProgram } from "../support/relay-program.js";

/** Treewire's own page of some trees: the relay and the agent as they are installed. */
export interface OwnPage {
  url: string;
  /** The session's cookie, as a browser is given it. */
  cookie: { name: string; value: string };
}

/** @param folder the trees are below it @param files how many of them differ */
export async function startOwnPage(t: Cleanup, folder: string, files: number): Promise<OwnPage> {
  const relay = await RelayProgram.start([]);
  t.teardown(() => relay.stop());
  const [workspace, chat] = [randomUUID(), randomUUID()];
  const tokenFile = join(tempDir(t), "agent-token");
  writeFileSync(tokenFile, await createToken(relay.dataDir, { kind: "agent", workspace }), { mode: 0o600 });
  const token = await createToken(relay.dataDir, { kind: "client", user: "bench" });
  await bindChat(relay.dataDir, { chat, workspace, owner: "bench" });
  const args = ["--relay", relay.url, "--token-file", tokenFile, "--root", folder, "--log-level", "error"];
  startProgram(t, "agent", args, { env: ALLOW_TEMP });
  await followed(t, { url: relay.url, chat, token }, files);
  return { url: `${relay.url}/view/${chat}`, cookie: await signIn(relay.url, token) };
}

/** Watches beside the pages, so that the relay has the state when one of them is opened. */
async function followed(t: Cleanup, where: { url: string; chat: string; token: string }, files: number): Promise<void> {
  const stop = new AbortController();
  t.teardown(() => stop.abort());
  const states = watchTrees({ ...where, stale: true, compare: "base", signal: stop.signal });
  await new Promise<void>((whole) => {
    void (async () => {
      for await (const { trees, isStale } of states) {
        const count = [...trees.values()].reduce((sum, tree) => sum + tree.files.length, 0);
        if (count === files && !isStale) whole();
      }
    })();
  });
}

async function signIn(url: string, token: string): Promise<OwnPage["cookie"]> {
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch(`${url}/session`, { method: "POST", headers, body: JSON.stringify({ token }) });
  const [, name, value] = /^([^=]+)=([^;]+)/.exec(answer.headers.get("set-cookie") ?? "") ?? [];
  if (name === undefined || value === undefined) throw new Error(`no session: ${answer.status}`);
  return { name, value };
}
