import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";
import t from "tap";
import { imageSides } from "../../src/web/model/images.js";
import { withoutBrowser } from "../support/browser.js";
import { createRepo } from "../support/repo.js";
import { fileWith } from "./diffs.js";
import { OTHERS, png } from "./image-files.js";
import { file, type PageWorld, untilTrue } from "./page-world.js";
import { openRepo, startWorld } from "./real-world.js";

const options = { skip: withoutBrowser };
const started = withoutBrowser === false ? startWorld(t) : undefined;

async function world(): Promise<PageWorld> {
  if (started === undefined) throw new Error("there is no browser");
  return started;
}

const side = (path: string, name: "old" | "new") => `${file(path)} [data-side=${name}]`;
const caption = (page: Page, path: string, name: "old" | "new") => page.textContent(`${side(path, name)} figcaption`);
/** Waits until an image is there, as wide as that. */
const isShown = (page: Page, path: string, name: "old" | "new", width: number) =>
  untilTrue(page, `document.querySelector('${side(path, name)} img')?.naturalWidth === ${width}`);

/** Counts in the page which of its blobs have addresses. @returns waits until so many have one */
async function countBlobs(page: Page): Promise<(count: number) => Promise<void>> {
  await page.evaluate(`(() => {
    window.blobs = new Set();
    const [create, revoke] = [URL.createObjectURL, URL.revokeObjectURL];
    URL.createObjectURL = (blob) => { const url = create.call(URL, blob); window.blobs.add(url); return url; };
    URL.revokeObjectURL = (url) => { window.blobs.delete(url); revoke.call(URL, url); };
  })()`);
  return (count) => untilTrue(page, `window.blobs.size === ${count}`);
}

t.test(
  "images stand beside each other, with sizes in words, live, and gone when they are out of view",
  options,
  async (t) => {
    const before = png(40, 30, [200, 0, 0]);
    const long = Array.from({ length: 400 }, (_, at) => `line ${at}\n`).join("");
    const repo = createRepo(t, { "gone.png": before, "logo.png": before, "z.txt": long });
    const now = png(80, 60, [0, 0, 200]);
    repo.write("logo.png", now);
    repo.remove("gone.png");
    repo.write("z.txt", long.replaceAll("line", "row"));
    const page = await openRepo(await world(), repo);
    await isShown(page, "logo.png", "old", 40);
    await isShown(page, "logo.png", "new", 80);
    t.equal(await caption(page, "logo.png", "old"), `Before40 × 30, ${before.length} B`);
    t.equal(await caption(page, "logo.png", "new"), `After80 × 60, ${now.length} B`);
    const [old, added] = await Promise.all(
      (["old", "new"] as const).map(async (each) => page.locator(side("logo.png", each)).boundingBox()),
    );
    t.ok(old && added && old.y === added.y && old.x + old.width <= added.x, "beside each other");
    t.equal(await page.getAttribute(`${side("logo.png", "new")} img`, "alt"), "logo.png, after");
    await isShown(page, "gone.png", "old", 40);
    t.match(await caption(page, "gone.png", "old"), /^Deleted/);
    t.equal(await page.locator(side("gone.png", "new")).count(), 0);

    const untilBlobs = await countBlobs(page);
    repo.write("logo.png", png(120, 60, [0, 200, 0]));
    await isShown(page, "logo.png", "new", 120);
    // the version that has changed is asked for alone; one that was there for a moment, as it was written, is let go of
    await untilBlobs(1);
    await page.evaluate("scrollTo(0, document.body.scrollHeight)");
    await page.waitForSelector(`${side("logo.png", "new")} img`, { state: "detached" });
    await untilBlobs(0); // out of view, the browser may forget them
    await page.evaluate("scrollTo(0, 0)");
    await isShown(page, "logo.png", "new", 120);
    await isShown(page, "logo.png", "old", 40);
    await page.click(`${file("logo.png")} [data-action=collapse]`);
    await page.waitForSelector(`${side("logo.png", "new")} img`, { state: "detached" });
    await page.click(`${file("logo.png")} [data-action=collapse]`);
    await isShown(page, "logo.png", "new", 120);
    repo.git("checkout", "-q", "logo.png", "gone.png");
    await page.waitForSelector(file("logo.png"), { state: "detached" });
    await untilBlobs(0);
    t.same((await world()).complaints, []);
  },
);

t.test("each kind of image that browsers show is shown; what is none is told in words", options, async (t) => {
  const repo = createRepo(t, { a: "1\n" });
  for (const [name, bytes] of Object.entries(OTHERS)) repo.write(name, bytes);
  repo.write("drawing.svg", "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>\n");
  repo.write("text.png", "no image\n");
  repo.write("data.png", Buffer.from([1, 0, 2, 3]));
  repo.write("broken.png", png(40, 30, [1, 2, 3]).subarray(0, 30));
  repo.write("large.png", Buffer.concat([png(4, 4, [1, 2, 3]), Buffer.alloc(3 * 1024 * 1024)]));
  repo.write(".env.png", png(4, 4, [1, 2, 3]));
  const page = await openRepo(await world(), repo, { viewport: { width: 1280, height: 3000 } });
  const jpeg = await page.evaluate(`(() => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [7, 5];
    canvas.getContext("2d").fillRect(0, 0, 7, 5);
    return canvas.toDataURL("image/jpeg").split(",")[1];
  })()`);
  repo.write("photo.jpeg", Buffer.from(String(jpeg), "base64"));
  await isShown(page, "photo.jpeg", "new", 7);
  await isShown(page, "a.gif", "new", 1);
  await isShown(page, "a.webp", "new", 1);
  await isShown(page, "a.avif", "new", 2);
  t.match(await caption(page, "a.avif", "new"), /^Added2 × 2, 3\d\d B$/);
  const says = (path: string, words: string) =>
    page.waitForSelector(`${side(path, "new")} [role=status]:has-text("${words}")`);
  await says("data.png", "Not shown: neither text nor an image.");
  await says("broken.png", "Not shown: the browser can't read it.");
  await says("large.png", "Not shown: it is too large.");
  await page.waitForSelector(`${file(".env.png")}:not([data-image]):has-text("Withheld: looks like a secret")`);
  t.equal(
    (await world()).requests.filter((url) => url.includes(".env.png")).length,
    0,
    "nobody asks for what is withheld",
  );
  for (const path of ["drawing.svg", "text.png"]) {
    await page.waitForSelector(`${file(path)}:not([data-image]) .lines.new`);
    t.equal(await page.locator(`${file(path)} img`).count(), 0);
  }
  t.equal(await page.locator(`${file("large.png")} img`).count(), 0);
  t.same((await world()).complaints, []);
});

t.test("an image that changes under the eye of whoever reads below moves nothing", options, async (t) => {
  const repo = createRepo(t, { "a.png": png(4, 4, [1, 2, 3]), "b.txt": "line\n".repeat(90) });
  repo.write("a.png", png(8, 8, [1, 2, 3]));
  repo.write("b.txt", `${"line\n".repeat(80)}the line that is read\n`);
  const page = await openRepo(await world(), repo);
  const top = async () =>
    (
      await page
        .locator(`${file("b.txt")} .lines.new`)
        .first()
        .boundingBox()
    )?.y;
  const head = async () => (await page.locator(file("b.txt")).boundingBox())?.y;
  await page.waitForSelector(`${file("b.txt")} .lines.new`);
  const before = [await head(), await top()];
  await isShown(page, "a.png", "new", 8);
  t.same([await head(), await top()], before, "its place was kept");
  repo.write("a.png", png(200, 900, [1, 2, 3]));
  await isShown(page, "a.png", "new", 200);
  t.same([await head(), await top()], before);
});

t.test("images are for everybody, and fit on a phone", options, async (t) => {
  const repo = createRepo(t, { "a.png": png(300, 40, [1, 2, 3]) });
  repo.write("a.png", png(400, 900, [1, 2, 3]));
  repo.write("b.png", Buffer.from([1, 0, 2, 3]));
  const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  for (const colorScheme of ["light", "dark"] as const) {
    const page = await openRepo(await world(), repo, { colorScheme, viewport: { width: 360, height: 740 } });
    await isShown(page, "a.png", "old", 300);
    await isShown(page, "a.png", "new", 400);
    await page.waitForSelector(`${side("b.png", "new")} [role=status]:not(:empty)`);
    const fits = await page.evaluate(`[...document.querySelectorAll(".image img")].every((image) => {
      const [inner, outer] = [image.getBoundingClientRect(), image.parentElement.getBoundingClientRect()];
      return inner.left >= outer.left && inner.right <= outer.right && inner.top >= outer.top && inner.bottom <= outer.bottom;
    })`);
    t.ok(fits, "whole, each in its half");
    t.equal(await page.evaluate("document.documentElement.scrollWidth"), 360);
    await page.evaluate(axe);
    const findings = await page.evaluate(
      "axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes[0].html))",
    );
    t.same(findings, [], colorScheme);
    await page.context().close();
  }
});

t.test("what is withheld, is text, or has no ids is no image to ask for", async (t) => {
  const { hunks: _hunks, ...logo } = fileWith("logo.png", []);
  const binary = { ...logo, hunks: "" };
  t.same(imageSides(binary), { old: "1".repeat(40), new: "2".repeat(40) });
  t.equal(imageSides({ ...binary, withheld: "path" }), undefined);
  t.equal(imageSides({ ...binary, hunks: "@@ -1 +1 @@\n-a\n+b\n" }), undefined);
  t.equal(imageSides({ ...binary, path: "logo.svg" }), undefined);
  t.equal(
    imageSides({ ...binary, header: "diff --git a/logo.png b/logo.png\nold mode 100644\nnew mode 100755\n" }),
    undefined,
  );
  const added = binary.header.replace("1".repeat(40), "0".repeat(40));
  t.same(imageSides({ ...binary, header: added }), { old: undefined, new: "2".repeat(40) });
});
