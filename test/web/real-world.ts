import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BrowserContextOptions, Page } from "playwright-core";
import { startProgram } from "../support/program.js";
import type { TestRepo } from "../support/repo.js";
import { ALLOW_TEMP, type Cleanup, tempDir } from "../support/temp.js";
import { PageWorld } from "./page-world.js";

/** A real agent. @returns stops it */
export function startAgent(t: Cleanup, { relay }: PageWorld): () => Promise<unknown> {
  const tokenFile = join(tempDir(t), "token");
  writeFileSync(tokenFile, relay.agentToken);
  const args = ["--relay", relay.url, "--token-file", tokenFile];
  const agent = startProgram(t, "agent", args, { env: ALLOW_TEMP });
  return () => agent.stop();
}

/** A relay, a real agent, and a browser. */
export async function startWorld(t: Cleanup): Promise<PageWorld> {
  const world = await PageWorld.start(t);
  startAgent(t, world);
  return world;
}

/** The page of a chat of its own that shows a repository, as soon as the diff is there. */
export async function openRepo(world: PageWorld, repo: TestRepo, context: BrowserContextOptions = {}): Promise<Page> {
  const { relay } = world;
  const chat = await relay.bind({ chat: randomUUID(), paths: [repo.root] });
  const page = await world.open(`${relay.url}/view/${chat}#token=${relay.clientToken}`, context);
  await page.waitForSelector("main[data-state=live]");
  return page;
}
