import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import t from "tap";
import { packagePath } from "../../src/util/index.js";
import { withoutBrowser } from "../support/browser.js";
import { createRepo } from "../support/repo.js";
import { until } from "../support/until.js";
import { file, untilTrue } from "./page-world.js";
import { startWorld } from "./real-world.js";

/** What all scripts and styles may weigh that are there before the first diff is. */
const MAX_GZIPPED_BYTES = 45 * 1024;

const folder = packagePath("dist/web");
const asset = (name: string) => readFileSync(join(folder, "assets", name), "utf8");

/** What the shell loads at once: its scripts and styles, and whatever those import before they run. */
function eagerAssets(): Set<string> {
  const shell = readFileSync(join(folder, "index.html"), "utf8");
  const names = new Set([...shell.matchAll(/assets\/([\w.-]+\.(?:js|css))"/g)].map(([, name = ""]) => name));
  for (const name of names) {
    // a set goes on to what is added meanwhile
    const imports = asset(name).matchAll(/(?:\bfrom|\bimport|@import)\s*(?:url\()?["']\.\/([\w.-]+)["']/g);
    for (const [, imported = ""] of imports) names.add(imported);
  }
  return names;
}

t.test("scripts and styles before the first diff weigh at most 45 KiB", async (t) => {
  const sizes = [...eagerAssets()].map((name) => [name, gzipSync(asset(name), { level: 9 }).length] as const);
  t.ok(sizes.some(([name]) => /^main-.*\.js$/.test(name)) && sizes.some(([name]) => /^styles-.*\.css$/.test(name)));
  const sum = sizes.reduce((all, [, bytes]) => all + bytes, 0);
  t.ok(sum <= MAX_GZIPPED_BYTES, `${sum} bytes: ${JSON.stringify(sizes)}`);
});

t.test(
  "nothing else is needed for the first diff, and nothing at all is asked of any other host",
  { skip: withoutBrowser },
  async (t) => {
    const world = await startWorld(t);
    const repo = createRepo(t, { "a.ts": "const one = 1;\n".repeat(90) });
    repo.write("a.ts", `${"const one = 1;\n".repeat(89)}const two = 2;\n`);
    await world.relay.bind({ paths: [repo.root] });
    const page = await world.open("about:blank");
    const eager = eagerAssets();
    const isEager = (url: URL) => eager.has(url.pathname.split("/").at(-1) ?? "");
    await page.route(/\/assets\/.*\.(js|css)$/, (route) =>
      isEager(new URL(route.request().url())) ? route.continue() : route.abort(),
    );
    await page.goto(`${world.address}#token=${world.relay.clientToken}`);
    await page.waitForSelector(`${file("a.ts")} .lines.new:has-text("two")`);
    await page.unroute(/\/assets\/.*\.(js|css)$/);
    await page.reload();
    await page.click("[data-expand=up]");
    await until("lines are asked for", () => world.requests.some((url) => url.includes("/git/file?")));
    await untilTrue(page, `(CSS.highlights.get("keyword")?.size ?? 0) > 0`);
    const { host } = new URL(world.relay.url);
    t.same(
      world.requests.filter((url) => url !== "about:blank" && new URL(url).host !== host),
      [],
    );
    t.ok(world.requests.some((url) => url.startsWith("ws:")));
  },
);
