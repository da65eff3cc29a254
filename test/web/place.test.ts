import type { Page } from "playwright-core";
import t from "tap";
import { withoutBrowser } from "../support/browser.js";
import { Random, SEED } from "../support/random.js";
import { edited, fileWith, randomRows } from "./diffs.js";
import { laidOut, PageWorld, ROOT, untilTrue } from "./page-world.js";

const EDITS = 100;

/** Where the line is that holds a text, from the top of the screen. */
function topOf(page: Page, text: string): Promise<number> {
  return page.evaluate(`(() => {
    for (const code of document.querySelectorAll(".code:not(.copy)")) {
      const at = code.firstChild.data.indexOf(${JSON.stringify(text)});
      if (at < 0) continue;
      const range = new Range();
      range.setStart(code.firstChild, at);
      range.setEnd(code.firstChild, at + 1);
      return range.getBoundingClientRect().top;
    }
    return Number.NaN;
  })()`);
}

for (const count of [12, 150]) {
  const name = `the line under the eye stays where it is under ${EDITS} edits of the ${count} files above it (seed ${SEED})`;
  t.test(name, { skip: withoutBrowser }, async (t) => {
    const world = await PageWorld.start(t);
    const agent = await world.agent();
    const random = new Random(SEED);
    const above = new Map(
      Array.from({ length: count }, (_, at) => [`src/a${at}.ts`, randomRows(random, `a${at}`, 5 + random.below(40))]),
    );
    const rows = [
      ...randomRows(random, "before", 60),
      " const theLineUnderTheEye = true;",
      ...randomRows(random, "after", 60),
    ];
    const below = fileWith("src/z.ts", randomRows(random, "z", 80));
    let readRows = rows;
    const tell = (mark: number) =>
      agent.tell(ROOT, [
        ...[...above].map(([path, lines]) => fileWith(path, lines)).sort((a, b) => (a.key < b.key ? -1 : 1)),
        fileWith("src/m.ts", readRows),
        below,
        fileWith("src/zz.ts", [`+edit ${mark}`]),
      ]);
    tell(0);
    const page = await world.openLive();
    await page.evaluate(`(() => {
    const code = [...document.querySelectorAll(".code")].find((each) => each.firstChild.data.includes("theLineUnderTheEye"));
    const range = new Range();
    const at = code.firstChild.data.indexOf("theLineUnderTheEye");
    range.setStart(code.firstChild, at);
    range.setEnd(code.firstChild, at + 1);
    window.scrollBy(0, range.getBoundingClientRect().top - innerHeight / 2 + 10);
  })()`);
    await laidOut(page);
    const first = await topOf(page, "theLineUnderTheEye");
    const moved: string[] = [];
    for (let edit = 1; edit <= EDITS; edit += 1) {
      const path = random.pick([...above.keys()]);
      const kind = random.below(5);
      if (kind === 0 && above.size > 2) above.delete(path);
      else if (kind === 1)
        above.set(`src/a${random.below(1e6)}.ts`, randomRows(random, `n${edit}`, 1 + random.below(60)));
      else if (kind === 2) {
        const at = readRows.findIndex((row) => row.includes("theLineUnderTheEye"));
        readRows = [...edited(random, readRows.slice(0, at), "m"), ...readRows.slice(at)];
      } else above.set(path, edited(random, above.get(path) ?? [], path.replace(/\W/g, "_")));
      tell(edit);
      await untilTrue(
        page,
        `document.querySelector('.file[data-path="src/zz.ts"]')?.textContent.includes("edit ${edit}")`,
      );
      const top = await topOf(page, "theLineUnderTheEye");
      if (top !== first) moved.push(`edit ${edit} (${kind}): ${top - first} px`);
    }
    t.same(moved, []);
    t.same(world.complaints, []);
  });
}

t.test("what is focused and selected stays so while files come around it", { skip: withoutBrowser }, async (t) => {
  const world = await PageWorld.start(t);
  const agent = await world.agent();
  const read = fileWith("src/m.ts", ["+the selected line"]);
  const around = (count: number) =>
    Array.from({ length: count }, (_, at) => fileWith(`src/${at % 2 === 0 ? "a" : "z"}${1000 + at}.ts`, ["+new"]));
  const tell = (count: number) =>
    agent.tell(
      ROOT,
      [...around(count), read].sort((a, b) => (a.key < b.key ? -1 : 1)),
    );
  tell(10);
  const page = await world.openLive();
  await page.focus('.file[data-path="src/m.ts"] [data-action=collapse]');
  await page.evaluate(`(() => {
    const text = document.querySelector('.file[data-path="src/m.ts"] .code').firstChild;
    getSelection().setBaseAndExtent(text, 4, text, 12);
  })()`);
  for (const count of [200, 30, 500]) {
    tell(count);
    await untilTrue(page, `document.querySelectorAll(".file").length === ${count + 1}`);
    t.equal(await page.evaluate("getSelection().toString()"), "selected");
    t.equal(await page.evaluate("document.activeElement.closest('.file')?.dataset.path"), "src/m.ts");
    const paths = "[...document.querySelectorAll('.file')].map(({ dataset }) => dataset.path)";
    t.same(await page.evaluate(paths), [...around(count).map(({ path }) => path), "src/m.ts"].sort());
    t.ok(
      await page.evaluate(
        "Math.max(...[...document.querySelectorAll('.group')].map((each) => each.childElementCount)) <= 64",
      ),
    );
  }
  t.same(world.complaints, []);
});
