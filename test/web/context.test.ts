import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";
import t from "tap";
import { rowsOf } from "../../src/web/model/rows.js";
import { samples } from "../secrets/samples.js";
import { withoutBrowser } from "../support/browser.js";
import { SEED } from "../support/random.js";
import { createRepo, type TestRepo } from "../support/repo.js";
import type { Cleanup } from "../support/temp.js";
import { until } from "../support/until.js";
import { file, laidOut, type PageWorld, untilTrue } from "./page-world.js";
import { openRepo, startAgent, startWorld } from "./real-world.js";

const options = { skip: withoutBrowser };
const started = withoutBrowser === false ? startWorld(t) : undefined;
const A = file("a.ts");
const control = (wish: string) => `[data-expand=${wish}]:visible`;
/** The controls above the hunk that begins with some line of the old version, and those at the end of the file. */
const bar = (start: number) => `${A} .hunk:has(.range:text-matches("^−${start} "))`;
const END = `${A} .end`;

async function world(): Promise<PageWorld> {
  if (started === undefined) throw new Error("there is no browser");
  return started;
}

/** A program of 300 lines, a function every 50. */
function program(edits: Readonly<Record<number, string>> = {}): string {
  const line = (at: number) => (at % 50 === 1 ? `export function part${at}() {` : `  const line${at} = ${at};`);
  return Array.from({ length: 300 }, (_, at) => `${edits[at + 1] ?? line(at + 1)}\n`).join("");
}
const EDITS = { 90: "  const edited = 90;", 190: "  const edited = 190;" };

function editedProgram(t: Cleanup): TestRepo {
  const repo = createRepo(t, { "a.ts": program(), "0.txt": "first\n" });
  repo.write("a.ts", program(EDITS));
  return repo;
}

/** The rows of a file as they are on the page, without the heads of hunks. */
const rowsOnPage = (page: Page, path = "a.ts"): Promise<string[]> =>
  page.evaluate(`[...document.querySelectorAll('.file[data-path="${path}"] .lines')].flatMap((lines) => {
    const sign = lines.classList.contains("old") ? "-" : lines.classList.contains("new") ? "+" : " ";
    return lines.querySelector(".code:not(.copy)").firstChild.data.split("\\n").map((line) => sign + line);
  })`);
/** What git prints with so many lines around what changed. */
const gitRows = (repo: TestRepo, context: number) => {
  const text = repo.git("diff", `-U${context}`, "--", "a.ts");
  return rowsOf(text.slice(text.search(/^@@/m))).filter((row) => !row.startsWith("@@"));
};
const topOf = async (page: Page, selector: string) => (await page.locator(selector).boundingBox())?.y;
const lineTop = (page: Page, text: string): Promise<number> =>
  page.evaluate(`(() => {
    const code = [...document.querySelectorAll(".code:not(.copy)")].find((each) => each.firstChild.data.includes("${text}"));
    const range = new Range();
    const at = code.firstChild.data.indexOf("${text}");
    range.setStart(code.firstChild, at);
    range.setEnd(code.firstChild, at + 1);
    return range.getBoundingClientRect().top;
  })()`);
/** Waits until as many rows are shown. */
const count = (page: Page, rows: number, path = "a.ts") =>
  untilTrue(
    page,
    `[...document.querySelectorAll('.file[data-path="${path}"] .lines')].reduce((sum, each) => sum + Number(each.style.getPropertyValue("--rows")), 0) === ${rows}`,
  );

t.test("lines around hunks come by steps, to the function's head, or all: those that git has", options, async (t) => {
  const repo = editedProgram(t);
  const page = await openRepo(await world(), repo);
  await page.waitForSelector(`${bar(187)} ${control("function")}`);
  t.same(await rowsOnPage(page), gitRows(repo, 3));
  t.equal(await page.isVisible(`${bar(87)} ${control("down")}`), false, "there is nothing above it");
  t.equal(await page.textContent(`${bar(187)} ${control("all")}`), "All 93");

  const before = await topOf(page, bar(187));
  await page.click(`${bar(187)} ${control("up")}`);
  await page.waitForSelector(bar(167));
  t.equal(await topOf(page, bar(167)), before, "the control stays under the pointer");
  await page.click(`${bar(167)} ${control("down")}`);
  await count(page, 16 + 40);
  t.equal(await topOf(page, bar(167)), before, "whatever comes above it, too");
  t.match(await page.textContent(`${bar(167)} .heading`), "part151");
  await page.click(`${bar(167)} [data-expand=all]`);
  await count(page, 2 * 8 + 93);
  t.equal(await page.locator(`${A} .hunk`).count(), 1, "two hunks between which nothing is missing are one");

  await page.click(`${bar(87)} ${control("function")}`);
  await page.waitForSelector(bar(51));
  t.equal(await page.textContent(`${bar(51)} .heading`), "", "it stands below");
  t.equal((await rowsOnPage(page))[0], " export function part51() {");
  await page.click(`${END} ${control("down")}`);
  await count(page, 2 * 8 + 93 + 36 + 20);
  await page.click(`${END} ${control("all")}`);
  await page.waitForSelector(END, { state: "hidden" });
  await page.click(`${bar(51)} ${control("all")}`);
  await page.waitForSelector(bar(1));
  t.same(await rowsOnPage(page), gitRows(repo, 1_000), "all of it");
  t.equal(await page.locator(`${A} [data-action=expand-context]:visible`).count(), 0);
  t.equal(await page.evaluate("document.activeElement.dataset.path"), "a.ts", "the file has the focus of what is gone");
  // numbers on either side
  t.equal(
    await page.textContent(`${A} .lines:first-of-type .of-old`),
    Array.from({ length: 89 }, (_, at) => at + 1).join("\n"),
  );
  t.same((await world()).complaints, []);
});

t.test("what was shown outlives edits of its file and of others, and moves for none", options, async (t) => {
  const repo = editedProgram(t);
  repo.write("0.txt", "edited\n");
  const page = await openRepo(await world(), repo, { permissions: ["clipboard-read", "clipboard-write"] });
  await page.click(`${bar(187)} ${control("up")}`);
  await page.click(`${bar(167)} ${control("up")}`);
  await count(page, 16 + 40);
  const read = "line160";
  await page.evaluate(`scrollBy(0, ${await lineTop(page, read)} - innerHeight / 2)`);
  await laidOut(page);
  const top = await lineTop(page, read);
  const edits: Record<number, string>[] = [
    { ...EDITS, 10: "  const edited = 10;" },
    { ...EDITS, 10: "  const edited = 10;\n  const another = 10;", 155: "  const amid = 155;" },
    { 90: "  const edited = 90;", 155: "  const amid = 155;\n  const more = 1;\n  const andMore = 2;" },
    { 90: "  const edited = 90;\n  const edited2 = 90;" },
    { ...EDITS, 280: "  const below = 280;" },
  ];
  for (const [at, edit] of edits.entries()) {
    repo.write("0.txt", `${"more\n".repeat(at % 3)}edit ${at}\n`);
    repo.write("a.ts", program(edit));
    const changed = gitRows(repo, 0).join("\n");
    await until(
      changed,
      async () => (await rowsOnPage(page)).filter((row) => !row.startsWith(" ")).join("\n") === changed,
    );
    await untilTrue(page, `document.querySelector('.file[data-path="0.txt"]')?.textContent.includes("edit ${at}")`);
    t.equal(await lineTop(page, read), top, JSON.stringify(edit));
    const shown = await rowsOnPage(page);
    const missing = Array.from({ length: 35 }, (_, each) => 152 + each)
      .flatMap((line) => edit[line]?.split("\n") ?? [`  const line${line} = ${line};`])
      .filter((line) => !shown.some((each) => each.slice(1) === line));
    t.same(missing, [], JSON.stringify(edit));
  }
  // what is new is marked where it is, and not where it was without the lines that were shown
  const marked = await page.evaluate(`[...document.querySelectorAll('${A} .now')].map((mark) => {
    const from = Number(mark.style.getPropertyValue("--from"));
    return mark.parentElement.querySelector(".code").firstChild.data.split("\\n")[from];
  })`);
  t.ok((marked as string[]).includes("  const below = 280;"), JSON.stringify(marked));

  // a comment and a copy of lines that the diff does not have
  await page.evaluate(`(() => {
    const text = [...document.querySelectorAll(".code:not(.copy)")].map((each) => each.firstChild).find((each) => each.data.includes("line170"));
    getSelection().setBaseAndExtent(text, text.data.indexOf("  const line170"), text, text.data.indexOf("\\n  const line172"));
    document.execCommand("copy");
  })()`);
  t.equal(await page.evaluate("navigator.clipboard.readText()"), "  const line170 = 170;\n  const line171 = 171;");
  await page.keyboard.press("c");
  await page.keyboard.type("why?");
  await page.keyboard.press("Control+Enter");
  await page.waitForSelector(`${A} .comment:has-text("Lines 170 to 171"):has-text("why?")`);
  await page.reload();
  await page.waitForSelector(`${A} .comment:not([data-outdated]):has-text("not among the lines that are shown")`);
  await page.click(`${bar(187)} ${control("up")}`);
  await page.waitForSelector(`${A} .comment >> text=/^Lines 170 to 171Delete$/`);
  t.same((await world()).complaints, []);
});

t.test("a line that its file has a hundred times is the one that stays in its place", options, async (t) => {
  const again = (edits: Readonly<Record<number, string>>) =>
    Array.from({ length: 300 }, (_, at) => `${edits[at + 1] ?? (at % 3 === 0 ? "" : "  again();")}\n`).join("");
  const repo = createRepo(t, { "a.ts": again({}) });
  repo.write("a.ts", again({ 90: "first", 190: "second" }));
  const page = await openRepo(await world(), repo);
  await page.click(`${bar(187)} ${control("all")}`);
  await count(page, 16 + 93);
  const topOfOld = async (line: number) =>
    Number(
      await page.evaluate(`(() => {
        for (const lines of document.querySelectorAll('${A} .lines')) {
          const at = lines.querySelector(".of-old").textContent.split("\\n").indexOf("${line}");
          if (at >= 0) return lines.getBoundingClientRect().top + at * 20;
        }
      })()`),
    );
  await page.evaluate(`scrollBy(0, ${await topOfOld(150)} - innerHeight / 2 + 10)`);
  await laidOut(page);
  const top = await topOfOld(150);
  for (const [at, edit] of ["one\n  again();", "one\n\n  again();\n", "one"].entries()) {
    repo.write("a.ts", again({ 85: edit, 90: "first", 190: `second ${at}` }));
    await untilTrue(page, `document.querySelector('${A}')?.textContent.includes("second ${at}")`);
    t.equal(await topOfOld(150), top, JSON.stringify(edit));
  }
});

t.test("a new old version takes its lines away: those of another one would be shown", options, async (t) => {
  const repo = editedProgram(t);
  const page = await openRepo(await world(), repo);
  await page.click(`${bar(187)} ${control("up")}`);
  await count(page, 16 + 20);
  repo.write("a.ts", `above\n${program(EDITS)}`);
  repo.commit();
  repo.write("a.ts", `above\n${program({ ...EDITS, 250: "  const edited = 250;" })}`);
  await untilTrue(page, `document.querySelector('${A}')?.dataset.additions === "1"`);
  t.same(await rowsOnPage(page), gitRows(repo, 3));
});

t.test("beside each other, and without white space, with the colours of programs", options, async (t) => {
  const repo = editedProgram(t);
  repo.write("a.ts", program({ ...EDITS, 140: "      const line140 = 140;" }));
  const page = await openRepo(await world(), repo);
  await page.click("[data-action=split]");
  await page.click("[data-action=whitespace]");
  await untilTrue(page, `document.querySelectorAll('${A} .lines.old').length === 2`);
  await page.click(`${bar(187)} ${control("all")}`);
  await count(page, 8 + 7 + 8 + 43);
  const texts = await page.evaluate(
    `[...document.querySelectorAll('${A} .lines.same')].every((each) => each.querySelector(".copy").textContent === each.querySelector(".code:not(.copy)").textContent)`,
  );
  t.ok(texts, "it stands on both sides");
  t.ok((await rowsOnPage(page)).includes("       const line140 = 140;"), "as it is now");
  await untilTrue(
    page,
    `[...(CSS.highlights.get("keyword") ?? [])].filter((range) => range.startContainer.data.slice(range.startOffset).startsWith("const line160 ")).length === 2`,
  );
  await page.click("[data-action=whitespace]");
  await count(page, 8 + 8 + 8 + 43);
  await page.click("[data-action=split]");
  t.same((await world()).complaints, []);
});

t.test("why lines are not shown is said in their place, and none are shown in their stead", options, async (t) => {
  const [github] = samples(SEED);
  const long = (last: string) => `${`const x = "${"y".repeat(80)}";\n`.repeat(40_000)}${last}\n`;
  const repo = createRepo(t, { "a.ts": program(), "long.ts": long("old"), "masked.ts": program() });
  repo.write("a.ts", program(EDITS));
  repo.write("long.ts", long("new"));
  repo.write("masked.ts", program({ 200: `const token = "${github?.text}";` }));
  const own = await world();
  const page = await openRepo(own, repo);
  const refused = async (path: string, words: string) => {
    await page.waitForSelector(file(path));
    const before = await rowsOnPage(page, path);
    await page.click(`${file(path)} [data-expand=all]:visible >> nth=0`);
    await page.waitForSelector(`${file(path)} [role=status]:has-text("${words}")`);
    t.same(await rowsOnPage(page, path), before);
  };
  await refused("long.ts", "Not shown: it is too large.");
  await refused("masked.ts", "Not shown: there are secrets in it.");
  // the page knows of another version than there is by then
  await page.route("**/git/file?*", (route) =>
    route.continue({
      url: route
        .request()
        .url()
        .replace(/oid=\w+/, `oid=${repo.git("hash-object", "a.ts")}`),
    }),
  );
  await refused("a.ts", "Not shown: changed meanwhile.");
  await page.unroute("**/git/file?*");
  await page.route("**/git/file?*", (route) => route.abort());
  await refused("a.ts", "Not shown: the relay is not reached.");
  await page.unroute("**/git/file?*");
  await page.click(`${bar(187)} ${control("up")}`);
  await page.waitForSelector(bar(167));
  t.equal(await page.locator(`${A} .said:not(:empty)`).count(), 0, "what was said holds no longer");
  t.same(own.complaints, []);
});

t.test("an agent that is away is told of where its lines would be", options, async (t) => {
  const { PageWorld } = await import("./page-world.js");
  const own = await PageWorld.start(t);
  const repo = editedProgram(t);
  const stop = startAgent(t, own);
  const page = await openRepo(own, repo);
  await page.waitForSelector(`${bar(187)} ${control("up")}`);
  await stop();
  await page.waitForSelector("main[data-state=stale]");
  await page.click(`${bar(187)} ${control("up")}`);
  await page.waitForSelector(`${bar(187)} [role=status]:has-text('agent state is "disconnected"')`);
});

t.test("all of it by keyboard, by touch and by ear", options, async (t) => {
  const repo = editedProgram(t);
  const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  const page = await openRepo(await world(), repo);
  await page.waitForSelector(`${bar(87)} ${control("up")}`);
  await page.keyboard.press("e");
  await count(page, 16 + 40);
  await page.waitForSelector(bar(67));
  await page.focus(`${bar(187)} ${control("up")}`);
  await page.keyboard.press("Enter");
  await count(page, 16 + 60);
  t.equal(await page.evaluate("document.activeElement.dataset.expand"), "up", "and again");
  await page.keyboard.press("Enter");
  await count(page, 16 + 80);
  await page.keyboard.press("Enter");
  await count(page, 16 + 100);
  await page.keyboard.press("Enter");
  await count(page, 16 + 20 + 93);
  t.equal(await page.evaluate("document.activeElement.dataset.path"), "a.ts");

  for (const colorScheme of ["light", "dark"] as const) {
    const phone = await openRepo(await world(), repo, {
      colorScheme,
      viewport: { width: 360, height: 640 },
      hasTouch: true,
      isMobile: true,
    });
    await phone.waitForSelector(`${bar(187)} ${control("up")}`);
    t.same(
      await phone
        .locator(`${bar(187)} ${control("up")}, ${bar(187)} [data-expand=all]`)
        .evaluateAll((all) => all.map((each) => each.getAttribute("aria-label"))),
      ["Show 20 lines above line 187", "Show all 93 lines, 94 to 186"],
    );
    await phone.evaluate(axe);
    const findings = await phone.evaluate(
      "axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes[0].html))",
    );
    t.same(findings, [], colorScheme);
    const box = await phone.locator(`${bar(187)} ${control("up")}`).boundingBox();
    t.ok((box?.height ?? 0) >= 24 && (box?.width ?? 0) >= 24, "large enough for a finger");
    await phone.tap(`${bar(187)} ${control("up")}`);
    await phone.waitForSelector(bar(167));
    t.equal(await phone.evaluate("document.documentElement.scrollWidth"), 360);
    await phone.context().close();
  }
});
