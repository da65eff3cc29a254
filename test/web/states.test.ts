import { randomUUID } from "node:crypto";
import type { Page } from "playwright-core";
import t from "tap";
import { openBrowser, withoutBrowser } from "../support/browser.js";
import { createRepo } from "../support/repo.js";
import { Stack } from "../support/stack.js";
import { fileWith } from "./diffs.js";
import { file, PageWorld, ROOT, untilTrue } from "./page-world.js";

const options = { skip: withoutBrowser };

const shows = (page: Page, state: string, words: string) =>
  page.waitForSelector(`main[data-state=${state}]:has-text(${JSON.stringify(words)})`);

t.test("relay and agent are killed and come back: the page has the newest state by itself", options, async (t) => {
  const stack = await Stack.start(t);
  const repo = createRepo(t, { "a.txt": "one\n" });
  repo.write("a.txt", "two\n");
  const workspace = randomUUID();
  const chat = await stack.bind({ workspace, owner: "alice", paths: [repo.root] });
  const tokenFile = await stack.agentToken(workspace);
  const { agent } = await stack.startAgent(t, { workspace, tokenFile });
  const browser = await openBrowser(t);
  const page = await browser.newPage();
  page.setDefaultTimeout(90_000);
  await page.goto(`${stack.url}/view/${chat}#token=${await stack.clientToken("alice")}`);
  await page.waitForSelector(`main[data-state=live] ${file("a.txt")} .code:has-text("two")`);

  await stack.stopRelay("SIGKILL");
  await shows(page, "stale", "The relay is not reached");
  t.ok(await page.isVisible(file("a.txt")), "what is known stays");
  repo.write("a.txt", "three\n");
  await stack.restartRelay();
  await page.waitForSelector(`main[data-state=live] ${file("a.txt")} .code:has-text("three")`);

  await agent.stop("SIGKILL");
  await shows(page, "stale", "The agent is away");
  t.ok(await page.isVisible(file("a.txt")), "what is known stays");
  repo.write("b.txt", "new\n");
  await stack.startAgent(t, { workspace, tokenFile });
  await page.waitForSelector(`main[data-state=live] ${file("b.txt")}`);
});

t.test("a diff that is too large, none at all, and a line of a mebibyte are told or shown", options, async (t) => {
  const world = await PageWorld.start(t);
  const agent = await world.agent();
  agent.tell(ROOT, []);
  const page = await world.openLive();
  await page.waitForSelector(".clean:has-text('Nothing uncommitted.'):visible");
  agent.tell(ROOT, [], { too_large_bytes: 5_000_000 });
  await page.waitForSelector(".notice:has-text('The diff is too large to show; branch and remote only.'):visible");
  t.notOk(await page.isVisible(".clean"), "it is not said to be clean");
  const line = "x".repeat(1024 * 1024);
  agent.tell(ROOT, [fileWith("long.ts", [`+${line}`])]);
  const code = `document.querySelector(${JSON.stringify(`${file("long.ts")} .code`)})`;
  await untilTrue(page, `${code}?.textContent.length === ${line.length}`);
  const { width } = (await page.locator("main").boundingBox()) ?? { width: Number.NaN };
  t.ok(width <= 1280, "it is scrolled within its file");
  t.same(world.complaints, []);
});

t.test("a stream that is over for ever says why", options, async (t) => {
  const world = await PageWorld.start(t);
  const agent = await world.agent();
  agent.tell(ROOT, [fileWith("a.ts", ["+a"])]);
  const page = await world.openLive();
  await page.waitForSelector(file("a.ts"));
  const { chat, clientToken, url } = world.relay;
  const headers = { "coder-session-token": clientToken, "content-type": "application/json" };
  const body = JSON.stringify({ archived: true });
  const { status } = await fetch(`${url}/api/v2/chats/${chat}`, { method: "PATCH", headers, body });
  t.equal(status, 204);
  await page.waitForSelector("main:not([data-state=live])");
  await page.waitForSelector(":is(main, .bar, header):has-text('archived')");
  t.ok(await page.isVisible(file("a.ts")), "the last state stays");
});
