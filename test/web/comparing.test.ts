import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { BrowserContextOptions, Page } from "playwright-core";
import t from "tap";
import { withoutBrowser } from "../support/browser.js";
import { createRepo, git, TestRepo } from "../support/repo.js";
import { type Cleanup, tempDir } from "../support/temp.js";
import { file, PageWorld, untilTrue } from "./page-world.js";
import { openRepo, startAgent, startWorld } from "./real-world.js";

const options = { skip: withoutBrowser };
const lines = (count: number) => Array.from({ length: count }, (_, at) => `line ${at}\n`).join("");
const pressed = (word: string) => `[data-compare=${word}][aria-pressed=true]`;
const choose = (page: Page, word: string) => page.click(`[data-compare=${word}]`);
const switchText = "document.querySelector('.compare').innerText.replace(/\\s+/g, ' ')";
/** The switch says so. */
const reads = (page: Page, text: string) => untilTrue(page, `${switchText} === ${JSON.stringify(text)}`);

const started = withoutBrowser === false ? startWorld(t) : undefined;

/** The page of a chat of its own that shows a repository. */
async function open(repo: TestRepo, context: BrowserContextOptions = {}): Promise<Page> {
  if (started === undefined) throw new Error("there is no browser");
  return openRepo(await started, repo, context);
}
const complaints = async () => (await started)?.complaints;

/** A clone on the branch `feature` with a commit, and an edit on top. */
function featureClone(t: Cleanup): TestRepo {
  const origin = createRepo(t, { "a.txt": lines(9), "b.txt": lines(9) });
  const repo = new TestRepo(join(tempDir(t), "clone"));
  git(origin.root, "clone", "-q", origin.root, repo.root);
  repo.git("checkout", "-q", "--no-track", "-b", "feature");
  repo.write("a.txt", lines(9).replace("line 2", "second"));
  repo.commit("The first step");
  repo.write("b.txt", lines(9).replace("line 7", "seventh"));
  return repo;
}

t.test(
  "a branch's work is shown, or what is uncommitted, or one commit; the choice is remembered",
  options,
  async (t) => {
    const repo = featureClone(t);
    const page = await open(repo);
    await page.waitForSelector(pressed("base"));
    await page.waitForSelector(`${file("a.txt")}[data-committed]:has-text("committed")`);
    await page.waitForSelector(`${file("b.txt")}:not([data-committed])`);
    await reads(page, "Uncommitted 1 Branch 2 Commits 1");
    t.match(await page.textContent(".compared"), /^Since origin\/main: 1 commit$/);

    await choose(page, "head");
    await page.waitForSelector(file("a.txt"), { state: "detached" });
    t.ok(await page.isVisible(file("b.txt")));
    await page.waitForSelector(pressed("head"));
    await reads(page, "Uncommitted 1 Branch 2 Commits 1");
    await page.reload();
    await page.waitForSelector(pressed("head"));
    await page.waitForSelector(file("b.txt"));
    await reads(page, "Uncommitted 1 Branch 2 Commits 1");
    t.equal(await page.locator(".file").count(), 1);

    await page.keyboard.press("b");
    await page.waitForSelector(file("a.txt"));
    t.equal(await page.isVisible(".edits"), false, "nobody has edited what another comparison shows");
    t.equal(await page.locator("[data-just-now-count]").count(), 0);

    await page.focus("[data-action=commits]");
    await page.keyboard.press("Enter");
    await page.waitForSelector("dialog[open]:has-text('The first step')");
    await page.focus(`[data-commit="${repo.git("rev-parse", "HEAD")}"]`);
    await page.keyboard.press("Enter");
    await page.waitForSelector(".compared:has-text('The first step')");
    await page.waitForSelector(file("b.txt"), { state: "detached" });
    t.ok(await page.isVisible(`${file("a.txt")}:not([data-committed]) .lines.new:has-text("second")`));
    await page.waitForSelector("[data-action=commits][aria-pressed=true]");
    await page.reload();
    await page.waitForSelector(`${pressed("base")} >> text=2`);
    await page.waitForSelector(file("b.txt"));
    t.same(await complaints(), []);
  },
);

t.test("a commit keeps its files in view, as they were, and says that they are committed", options, async (t) => {
  const repo = featureClone(t);
  repo.write("new.txt", lines(3));
  const page = await open(repo);
  await reads(page, "Uncommitted 2 Branch 3 Commits 1");
  await page.check(`${file("new.txt")} [data-action=viewed]`);
  await page.evaluate("document.querySelectorAll('.file').forEach((each) => { each.isAsItWas = true; })");
  repo.commit("The second step");
  await reads(page, "Uncommitted 0 Branch 3 Commits 2");
  for (const path of ["a.txt", "b.txt", "new.txt"]) await page.waitForSelector(`${file(path)}[data-committed]`);
  t.same(
    await page.evaluate("[...document.querySelectorAll('.file')].map(({ isAsItWas }) => isAsItWas)"),
    [true, true, true],
    "not one was taken away and made anew",
  );
  t.ok(await page.isChecked(`${file("new.txt")} [data-action=viewed]`), "tracked from now on, and still viewed");
  t.equal(await page.locator("[data-just-now-count]").count(), 0);
  await choose(page, "head");
  await page.waitForSelector(".clean:has-text('Nothing uncommitted.'):visible");
  await choose(page, "base");
  await page.waitForSelector(`${file("new.txt")}[data-viewed]`);
  t.same(await complaints(), []);
});

t.test("a default branch begins with what is uncommitted, and says why it has no base", options, async (t) => {
  const repo = createRepo(t, { "a.txt": lines(9) });
  repo.write("a.txt", lines(8));
  const page = await open(repo);
  await page.waitForSelector(file("a.txt"));
  await page.waitForSelector(pressed("head"));
  await reads(page, "Uncommitted 1 Branch");
  t.equal(await page.textContent(".compared"), "", "nobody has asked for it");
  await choose(page, "base");
  await page.waitForSelector(".compared:has-text('Uncommitted changes alone: ')");
  t.ok(await page.isVisible(file("a.txt")));
  t.same(await complaints(), []);
});

t.test("a default branch that follows another begins with what is uncommitted, too", options, async (t) => {
  const origin = createRepo(t, { "a.txt": lines(9) });
  const repo = new TestRepo(join(tempDir(t), "clone"));
  git(origin.root, "clone", "-q", origin.root, repo.root);
  repo.write("b.txt", lines(2));
  repo.commit("Not pushed yet");
  repo.write("a.txt", lines(8));
  const page = await open(repo);
  await page.waitForSelector(pressed("head"));
  await reads(page, "Uncommitted 1 Branch 2 Commits 1");
  await page.waitForSelector(file("a.txt"));
  t.equal(await page.locator(".file").count(), 1);
});

t.test("the branch's work stays on the page while the agent is away", options, async (t) => {
  const world = await PageWorld.start(t);
  const repo = featureClone(t);
  await world.relay.bind({ paths: [repo.root] });
  const stopAgent = startAgent(t, world);
  const page = await world.openLive();
  await page.waitForSelector(`${file("a.txt")}[data-committed]`);
  await stopAgent();
  await page.waitForSelector("main[data-state=stale]");
  t.ok(await page.isVisible(file("a.txt")), "and not HEAD's diff in its place");
  t.ok(await page.isVisible(pressed("base")));
  repo.write("a.txt", lines(9).replace("line 3", "third"));
  startAgent(t, world);
  await page.waitForSelector("main[data-state=live]");
  await page.waitForSelector(`${file("a.txt")}:not([data-committed]) .lines.new:has-text("third")`);
  t.same(world.complaints, []);
});

t.test("the switch and the commits are for everybody, and fit on a phone", options, async (t) => {
  const repo = featureClone(t);
  const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  for (const colorScheme of ["light", "dark"] as const) {
    const page = await open(repo, { colorScheme, viewport: { width: 360, height: 640 } });
    await reads(page, "Uncommitted 1 Branch 2 Commits 1");
    const widths =
      "['.compare', '.compare button:last-child'].map((each) => document.querySelector(each).getBoundingClientRect().right)";
    for (const right of (await page.evaluate(widths)) as number[]) t.ok(right <= 360, `${right}`);
    t.ok(await page.evaluate("document.documentElement.scrollWidth <= 360"));
    const findings = async () => {
      await page.evaluate(axe);
      return page.evaluate(
        "axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes[0].html))",
      );
    };
    t.same(await findings(), [], `${colorScheme}: the switch`);
    await page.click("[data-action=commits]");
    await page.waitForSelector("dialog[open] [data-commit]");
    t.same(await findings(), [], `${colorScheme}: the commits`);
    t.ok(await page.evaluate("document.querySelector('dialog').getBoundingClientRect().right <= 360"));
    await page.context().close();
  }
});
