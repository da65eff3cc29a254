import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";
import t from "tap";
import { withoutBrowser } from "../support/browser.js";
import { until } from "../support/until.js";
import { fileWith } from "./diffs.js";
import { file, PageWorld, ROOT, untilTrue } from "./page-world.js";

const options = { skip: withoutBrowser };
const attribute = (page: Page, path: string, name: string) => page.getAttribute(file(path), name);
const has = async (page: Page, path: string, name: string) => (await attribute(page, path, name)) !== null;
/** Signs out and waits for the page behind that: the one before asks for a token as well, when its stream has ended. */
async function signOut(page: Page, { relay }: PageWorld): Promise<void> {
  await page.click("text=Sign out");
  await page.waitForURL(`${relay.url}/`);
}

const A = fileWith("src/a.ts", [" const one = 1;", "-const two = 2;", "+const two = 22;", " const three = 3;"]);
const B = fileWith("src/b.ts", [" let x;", "+let y;", " let z;"]);
const SPACES = fileWith("src/spaces.ts", [" if (a) {", "-  b();", "+    b();", " }"]);

t.test("an edit is seen, marked as of just now, and listed until the reader looks", options, async (t) => {
  const world = await PageWorld.start(t);
  const agent = await world.agent();
  agent.tell(ROOT, [A, B], { branch: "feature/page" });
  const page = await world.openLive();
  await page.waitForSelector(file("src/a.ts"));
  t.equal(await page.textContent(".branch"), "feature/page");
  t.equal(await attribute(page, "src/a.ts", "data-status"), "modified");
  t.equal(await attribute(page, "src/a.ts", "data-additions"), "1");
  t.equal(await page.getAttribute(".tree", "data-root"), ROOT);
  t.notOk(await has(page, "src/b.ts", "data-just-now-count"), "what was there at first is not of just now");

  const rows = [" let x;", "+let y;", "+let edited = true;", " let z;"];
  agent.tell(ROOT, [A, fileWith("src/b.ts", rows)]);
  await page.waitForSelector(`${file("src/b.ts")}[data-just-now-count="1"] .lines[data-just-now]:has-text("edited")`);
  t.notOk(await has(page, "src/a.ts", "data-just-now-count"), "of the edited file alone");
  t.equal(await page.textContent(".edits"), "1 edit since you looked");
  await page.hover(".edits");
  await page.mouse.down();
  // two frames: what is to be hidden would be by now
  await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
  t.ok(await page.isVisible(".edits"), "it stays until the click is done");
  await page.keyboard.press("ArrowDown");
  await page.waitForSelector(".edits", { state: "hidden" });
  await page.mouse.up();

  agent.tell(ROOT, [A]);
  await page.waitForSelector(file("src/b.ts"), { state: "detached" });
  agent.tell(ROOT, []);
  await page.waitForSelector(".clean:visible");
  t.same(world.complaints, []);
});

t.test(
  "a link with a token signs in; the token stays in no address, no storage and no script's reach",
  options,
  async (t) => {
    const world = await PageWorld.start(t);
    const agent = await world.agent();
    agent.tell(ROOT, [A]);
    const page = await world.openLive();
    t.equal(page.url(), world.address);
    const [cookie] = await page.context().cookies();
    t.match(cookie, {
      httpOnly: true,
      sameSite: "Strict",
      name: `coder_session_token_${new URL(world.relay.url).port}`,
    });
    t.not(cookie?.value, world.relay.clientToken, "it is a session of its own");
    t.equal(
      await page
        .evaluate("document.cookie + JSON.stringify(localStorage)")
        .then((text) => /tw[ac]_/.test(String(text))),
      false,
    );

    await page.reload();
    await page.waitForSelector("main[data-state=live]");
    await signOut(page, world);
    await page.waitForSelector("main[data-state=refused] input[name=token]");
    t.same(await page.context().cookies(), []);
    const answer = await fetch(`${world.relay.url}/chats`, { headers: { cookie: `${cookie?.name}=${cookie?.value}` } });
    t.equal(answer.status, 401, "the session is over");
  },
);

t.test("without a session a token can be pasted, and a wrong one is refused in words", options, async (t) => {
  const world = await PageWorld.start(t);
  const agent = await world.agent();
  agent.tell(ROOT, [A]);
  const page = await world.open(world.relay.url);
  await page.waitForSelector("main[data-state=refused]");
  await page.fill("input[name=token]", "twc_0123456789abcdef_nonsense");
  await page.click("button:has-text('Sign in')");
  await page.waitForSelector("[role=alert]:has-text('signed out')");
  await page.fill("input[name=token]", world.relay.clientToken);
  await page.click("button:has-text('Sign in')");
  await page.waitForSelector("main[data-state=live]");
  t.equal(page.url(), world.address, "one's only chat is opened at once");

  await world.relay.bind({ chat: "11111111-2222-4333-8444-555555555555" });
  await page.goto(world.relay.url);
  await page.waitForSelector(".chats li");
  t.equal(await page.locator(".chats li a").count(), 2);
  await page.click(`text=${world.relay.chat}`);
  await page.waitForSelector("main[data-state=live]");
});

t.test("who may not see the chat is told so, and what to do", options, async (t) => {
  const world = await PageWorld.start(t);
  const other = `${world.relay.url}/view/11111111-2222-4333-8444-555555555555#token=${world.relay.clientToken}`;
  const page = await world.open(other);
  await page.waitForSelector("main[data-state=refused]:has-text('There is no such chat')");
  await page.goto("about:blank");
  await page.goto(`${world.relay.url}/view/nonsense`);
  await page.waitForSelector("main[data-state=refused]:has-text('Invalid chat ID')");
  t.pass("both were refused");
});

t.test(
  "the agent goes and comes back; the relay's connections are cut: the last state stays, and says its age",
  options,
  async (t) => {
    const world = await PageWorld.start(t);
    const agent = await world.agent();
    agent.tell(ROOT, [A]);
    const page = await world.openLive();
    agent.vanish();
    await page.waitForSelector("main[data-state=stale]:has-text('The agent is away')");
    t.ok(await page.isVisible(file("src/a.ts")));
    const back = await world.agent();
    back.tell(ROOT, [A]);
    back.tell(ROOT, [A, B]); // by another number than the first agent's state had: no two states of an epoch have the same
    await page.waitForSelector("main[data-state=live]");
    await page.waitForSelector(file("src/b.ts"));
    await world.relay.stop();
    await page.waitForSelector("main[data-state=stale]:has-text('The relay is not reached')");
    t.ok(await page.isVisible(file("src/b.ts")));
  },
);

t.test(
  "viewed and collapsed outlive edits of other files and reloads; a viewed file comes back when it changes",
  options,
  async (t) => {
    const world = await PageWorld.start(t);
    const agent = await world.agent();
    agent.tell(ROOT, [A, B, SPACES]);
    const page = await world.openLive();
    await page.check(`${file("src/a.ts")} [data-action=viewed]`);
    await page.click(`${file("src/spaces.ts")} [data-action=collapse]`);
    t.ok(await has(page, "src/a.ts", "data-collapsed"), "what is viewed is folded");
    await untilTrue(page, "document.querySelector('.progress')?.textContent === '1 of 3 viewed'");

    agent.tell(ROOT, [A, fileWith("src/b.ts", ["+other"]), SPACES]);
    await page.waitForSelector(`${file("src/b.ts")}:has-text("other")`);
    await page.reload();
    await page.waitForSelector(file("src/spaces.ts"));
    t.ok(await has(page, "src/a.ts", "data-viewed"));
    t.ok(await has(page, "src/spaces.ts", "data-collapsed"));
    t.notOk(await has(page, "src/b.ts", "data-collapsed"));

    agent.tell(ROOT, [fileWith("src/a.ts", ["+changed since"]), B, SPACES]);
    await page.waitForSelector(
      `${file("src/a.ts")}:not([data-viewed]):not([data-collapsed]) .code:has-text("changed since")`,
    );
    t.ok(await has(page, "src/spaces.ts", "data-collapsed"), "collapsed stays collapsed");
  },
);

t.test("a selection stays under edits of its file", options, async (t) => {
  const world = await PageWorld.start(t);
  const agent = await world.agent();
  const rows = [" first", "+second", "+the selected line", "+last", " context"];
  agent.tell(ROOT, [fileWith("a.txt", rows)]);
  const page = await world.openLive();
  await page.waitForSelector(file("a.txt"));
  await page.evaluate(`(() => {
    const text = [...document.querySelectorAll(".code")].map((each) => each.firstChild).find((each) => each.data.includes("selected"));
    const at = text.data.indexOf("the selected");
    getSelection().setBaseAndExtent(text, at, text, at + "the selected line".length);
  })()`);
  for (const lines of [
    [" first", "+second", "+put between", "+the selected line", "+last", " context"],
    [" first", "-gone", "+the selected line", "+last", " context"],
    ["+above", " first", "-gone", "+the selected line", "+last and more", " context"],
  ]) {
    agent.tell(ROOT, [fileWith("a.txt", lines)]);
    await page.waitForSelector(`${file("a.txt")}[data-additions="${lines.filter((line) => line[0] === "+").length}"]`);
    t.equal(await page.evaluate("getSelection().toString()"), "the selected line", lines.join("|"));
  }
});

t.test("everything is done by keyboard", options, async (t) => {
  const world = await PageWorld.start(t);
  const agent = await world.agent();
  const long = (path: string) =>
    fileWith(
      path,
      Array.from({ length: 60 }, (_, at) => `+line ${at}`),
    );
  agent.tell(ROOT, [long("a.ts"), long("b.ts"), long("c.ts")]);
  const page = await world.openLive();
  await page.waitForSelector(file("c.ts"));
  const focused = () => page.evaluate("document.activeElement.dataset.path");
  await page.keyboard.press("j");
  t.equal(await focused(), "b.ts", "on from the first, which is at the top");
  await page.keyboard.press("k");
  t.equal(await focused(), "a.ts");
  await page.keyboard.press("x");
  t.ok(await has(page, "a.ts", "data-collapsed"));
  await page.keyboard.press("x");
  t.notOk(await has(page, "a.ts", "data-collapsed"));
  await page.keyboard.press("v");
  t.ok(await has(page, "a.ts", "data-viewed"));
  t.equal(await focused(), "b.ts", "and on to the next");
  await page.keyboard.press("n");
  await page.keyboard.press("p");
  await page.keyboard.press("s");
  await page.waitForSelector(".diff[data-split]");
  await page.keyboard.press("s");
  await page.waitForSelector(".diff:not([data-split])");
  await page.keyboard.press("f");
  await page.waitForSelector("[data-action=follow][aria-pressed=true]");
  await page.keyboard.press("?");
  await page.waitForSelector("dialog[open]:has-text('next, previous hunk')");
  await page.keyboard.press("Escape");
  await page.waitForSelector("dialog", { state: "detached" });
  await page.keyboard.press("/");
  await page.keyboard.type("c.ts");
  await page.waitForSelector(file("a.ts"), { state: "hidden" });
  t.ok(await page.isVisible(file("c.ts")));
  t.equal(await page.locator(".entry").count(), 1);
  t.same(world.complaints, []);
});

t.test("old and new stand beside each other; white space can be left out; both are remembered", options, async (t) => {
  const world = await PageWorld.start(t);
  const agent = await world.agent();
  agent.tell(ROOT, [A, SPACES]);
  const page = await world.openLive();
  await page.waitForSelector(file("src/spaces.ts"));
  t.equal(await page.locator(`${file("src/spaces.ts")} .lines.new`).count(), 1);
  await page.click("[data-action=whitespace]");
  await page.waitForSelector(`${file("src/spaces.ts")} .lines.new`, { state: "detached" });
  t.equal(await page.locator(`${file("src/a.ts")} .lines.new`).count(), 1, "what differs otherwise stays");
  await page.click("[data-action=split]");
  const sides = await page.evaluate(`[".old", ".new"].map((side) => {
    const { left, top } = document.querySelector('.file[data-path="src/a.ts"] .lines' + side).getBoundingClientRect();
    return { left, top };
  })`);
  const [old, added] = sides as [{ left: number; top: number }, { left: number; top: number }];
  t.ok(old.left < added.left && old.top === added.top, JSON.stringify(sides));
  await page.reload();
  await page.waitForSelector(`.diff[data-split] ${file("src/a.ts")}`);
  t.equal(await page.getAttribute("[data-action=whitespace]", "aria-pressed"), "true");
});

t.test(
  "a diff of hostile text is text, whatever it holds, and the page's policy is never broken",
  options,
  async (t) => {
    const world = await PageWorld.start(t);
    const agent = await world.agent();
    const hostile = [
      "+<img src=x onerror=alert(1)>",
      "+<script>document.body.remove()</script>",
      "+\u202Egnp.exe\u202C \u2066\u0000\u001B[31m",
      `+${"long".repeat(250_000)}`,
      "+&lt;not an entity&gt; $x `y`",
    ];
    const name = '<b onmouseover="x">".ts';
    agent.tell(
      ROOT,
      [{ ...fileWith("a.html", hostile) }, { ...fileWith("b", ["+x"]), key: `t:b${name}`, path: name }],
      {
        branch: "<i>main",
        health: "<u>not all was read",
      },
    );
    const page = await world.openLive();
    await page.waitForSelector(file("a.html"));
    const text = String(await page.textContent(`${file("a.html")} .code`));
    t.ok(text.includes("<img src=x onerror=alert(1)>"));
    t.ok(text.includes("&lt;not an entity&gt; $x `y`"));
    t.notOk(/[\u202a-\u202e\u2066-\u2069]/.test(text), "what turns the order of letters is shown, and turns nothing");
    t.match(text, /U\+202E/);
    t.equal(await page.textContent(`.file:nth-of-type(2) h3 bdi`), name);
    t.equal(await page.locator("main img, main b, main i:not(.now), main u, main script").count(), 0);
    await page.waitForTimeout(500); // colours come when the browser has nothing else to do
    t.same(world.complaints, []);
  },
);

t.test("two trees stand below each other; one that goes is taken away", options, async (t) => {
  const world = await PageWorld.start(t);
  const agent = await world.agent([ROOT, "/home/alice/lib"]);
  agent.tell(ROOT, [A]);
  agent.tell("/home/alice/lib", [B]);
  const page = await world.openLive();
  await page.waitForSelector(`[data-root="/home/alice/lib"] ${file("src/b.ts")}`);
  t.same(await page.locator("[data-root]").evaluateAll((each) => each.map((one) => one.getAttribute("data-root"))), [
    ROOT,
    "/home/alice/lib",
  ]);
  agent.send({ type: "gone", root: ROOT });
  await page.waitForSelector(`[data-root="${ROOT}"]`, { state: "detached" });
  t.ok(await page.isVisible(file("src/b.ts")));
});

t.test("a phone shows all of it: nothing but code is wider than the screen", options, async (t) => {
  const world = await PageWorld.start(t);
  const agent = await world.agent();
  agent.tell(ROOT, [fileWith(`src/${"long-name-".repeat(12)}.ts`, [`+${"wide ".repeat(200)}`]), B], {
    branch: "b".repeat(80),
  });
  const page = await world.openLive({ viewport: { width: 360, height: 640 }, hasTouch: true, isMobile: true });
  await page.waitForSelector(file("src/b.ts"));
  t.equal(await page.evaluate("document.documentElement.scrollWidth"), 360);
  t.ok(await page.isVisible(".status"));
  await page.click(".menu");
  await page.click(".entry:has-text('b.ts')");
  await page.waitForSelector(".files", { state: "hidden" });
  t.equal(await page.evaluate("document.activeElement.dataset.path"), "src/b.ts");
});

t.test("all of a diff is found by the browser's own search, and printed", options, async (t) => {
  const world = await PageWorld.start(t);
  const agent = await world.agent();
  const files = Array.from({ length: 80 }, (_, at) =>
    fileWith(
      `f${String(at).padStart(2, "0")}.ts`,
      Array.from({ length: 40 }, (_each, row) => `+line ${row} of ${at}`),
    ),
  );
  agent.tell(ROOT, files);
  const page = await world.openLive();
  await page.waitForSelector(file("f79.ts"));
  t.ok(await page.evaluate("find('line 39 of 79')"), "in a file that was never on the screen");
  await page.emulateMedia({ media: "print" });
  t.equal(await page.evaluate("getComputedStyle(document.querySelector('.bar-place')).display"), "none");
  t.equal(await page.evaluate("getComputedStyle(document.querySelector('.file')).contentVisibility"), "visible");
});

t.test(
  "nothing stands in the way of those who do not see well: no finding of axe-core in either theme",
  options,
  async (t) => {
    const world = await PageWorld.start(t);
    const agent = await world.agent();
    agent.tell(ROOT, [A, B, SPACES], { health: "events are missing: polling" });
    const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
    for (const colorScheme of ["light", "dark"] as const) {
      const page = await world.openLive({ colorScheme });
      await page.waitForSelector(file("src/spaces.ts"));
      agent.tell(ROOT, [A, fileWith("src/b.ts", [`+edited in ${colorScheme}`]), SPACES], {
        health: "events are missing: polling",
      });
      await page.waitForSelector(`${file("src/b.ts")}[data-just-now-count]`);
      const findings = async () => {
        await page.evaluate(axe);
        return page.evaluate(
          "axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.map((node) => node.html.slice(0, 120)).join(' | ')))",
        );
      };
      t.same(await findings(), [], `${colorScheme}: the diff`);
      await page.keyboard.press("?");
      await page.waitForSelector("dialog[open]");
      t.same(await findings(), [], `${colorScheme}: the keys`);
      await page.keyboard.press("Escape");
      await signOut(page, world);
      await page.waitForSelector("input[name=token]");
      t.same(await findings(), [], `${colorScheme}: signing in`);
      await page.context().close();
    }
  },
);

t.test("below a path prefix the page asks for nothing outside of it", options, async (t) => {
  const world = await PageWorld.start(t);
  const response = await fetch(`${world.relay.url}/view/x`);
  const text = await response.text();
  t.same(
    [...text.matchAll(/(?:src|href)="([^"]*)"/g)].filter(([, address = ""]) => !address.startsWith("../assets/")),
    [],
  );
  await (await world.open(world.relay.url)).waitForSelector("main[data-state=refused]");
});

t.test(
  "comments on lines are kept over reloads, marked when their lines change, and copied as one prompt",
  options,
  async (t) => {
    const world = await PageWorld.start(t);
    const agent = await world.agent();
    const rows = [" first", "+second", "+third", "+last"];
    agent.tell(ROOT, [fileWith("a.txt", rows, 10)]);
    const page = await world.openLive({ permissions: ["clipboard-read", "clipboard-write"] });
    await page.waitForSelector(file("a.txt"));
    const select = (from: string, to: string) =>
      page.evaluate(`(() => {
      const text = [...document.querySelectorAll(".code")].map((each) => each.firstChild).find((each) => each.data.includes("${from}"));
      const start = text.data.indexOf("${from}");
      getSelection().setBaseAndExtent(text, start + 1, text, text.data.indexOf("${to}") + 2);
    })()`);
    await select("second", "third");
    await page.keyboard.press("c");
    await page.keyboard.type("why two?");
    await page.keyboard.press("Control+Enter");
    await page.waitForSelector(".comment:has-text('Lines 11 to 12'):has-text('why two?')");
    await page.reload();
    await page.waitForSelector(".comment:has-text('why two?')");
    await page.click("[data-action=copy-comments]");
    const copied = () => page.evaluate("navigator.clipboard.readText()");
    await until("the copy", async () => (await copied()) === "a.txt:11-12\n> second\n> third\n\nwhy two?");

    agent.tell(ROOT, [fileWith("a.txt", [" first", "+put above", ...rows.slice(1)], 10)]);
    await page.waitForSelector(".comment:has-text('Lines 12 to 13')");
    agent.tell(ROOT, [fileWith("a.txt", [" first", "+second changed", "+third", "+last"], 10)]);
    await page.waitForSelector(".comment[data-outdated]:has-text('its lines have changed')");
    await page.click(".comment >> text=Delete");
    await page.waitForSelector(".comment", { state: "detached" });
    t.same(world.complaints, []);
  },
);
