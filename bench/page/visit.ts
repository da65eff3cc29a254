import { gzipSync } from "node:zlib";
import type { CDPSession, Page } from "playwright-core";
import { openBrowser } from "../../test/support/browser.js";
import type { Cleanup } from "../../test/support/temp.js";

/** A page to measure. */
export interface Subject {
  url: string;
  cookie?: { name: string; value: string };
  /** What runs in it first: `browser/probe.ts`, built. */
  probe: string;
}

/** When the first lines were on the screen. Milliseconds. */
export interface FirstPaint {
  fromNavigation: number;
  /** From when all of the diff had come. */
  fromArrival: number;
}

/** How long an edit took, in milliseconds (browser/probe.ts). */
export interface EditTimes {
  laidOutMs: number;
  drawnMs: number;
}

/** Whoever has not shown the diff, or an edit, after this has given up. Milliseconds. */
export const PATIENCE_MS = 60_000;

/** One page in a browser of its own, started for it: nothing is in a cache. */
export class Visit {
  readonly #page: Page;
  readonly #devtools: CDPSession;
  readonly #close: () => Promise<unknown>;
  readonly firstPaint: FirstPaint;

  private constructor(page: Page, devtools: CDPSession, close: () => Promise<unknown>, firstPaint: FirstPaint) {
    this.#page = page;
    this.#devtools = devtools;
    this.#close = close;
    this.firstPaint = firstPaint;
  }

  /** @returns `undefined`: the page has given up */
  static async open({ url, cookie, probe }: Subject): Promise<Visit | undefined> {
    const teardowns: (() => unknown)[] = [];
    const t: Cleanup = { teardown: (run) => void teardowns.push(run) };
    const browser = await openBrowser(t);
    const close = async () => {
      for (const run of teardowns) await run();
    };
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    page.on("pageerror", (error) => process.stderr.write(`${url}: ${error.stack}\n`));
    if (cookie !== undefined) await page.context().addCookies([{ ...cookie, url: new URL("/", url).href }]);
    await page.addInitScript({ content: probe });
    const devtools = await page.context().newCDPSession(page);
    const shown = async (): Promise<FirstPaint> => {
      await page.goto(url, { timeout: PATIENCE_MS, waitUntil: "commit" });
      const [shownAt, arrivedAt] = (await page.evaluate(
        "probe.shown.then(() => [probe.shownAt, probe.arrivedAt])",
      )) as [number, number];
      return { fromNavigation: shownAt, fromArrival: shownAt - arrivedAt };
    };
    const firstPaint = await patiently(shown());
    if (firstPaint !== undefined) return new Visit(page, devtools, close, firstPaint);
    await close();
    return undefined;
  }

  /**
   * Has a line of the first file edited.
   *
   * @param mark a text that the edit brings
   * @param patch for pages that follow no stream
   * @param edit makes it on the disk, for the one that does
   */
  async edit(mark: string, patch: string, edit: () => void): Promise<EditTimes | undefined> {
    await this.#page.evaluate(`probe.edit(${JSON.stringify(mark)}, ${JSON.stringify(patch)})`);
    edit();
    return patiently(this.#page.evaluate("probe.edited") as Promise<EditTimes>);
  }

  /** @returns how long each frame took, in milliseconds */
  async scroll(pixels: number, frames: number): Promise<number[] | undefined> {
    return patiently(this.#page.evaluate(`probe.scroll(${pixels}, ${frames})`) as Promise<number[]>);
  }

  /** Back to the top, and time for whatever the page does when nothing happens. */
  async rest(): Promise<void> {
    await this.#page.evaluate("probe.scroller().scrollTo(0, 0)");
    await this.#page.waitForTimeout(1_500);
  }

  /** Bytes of JavaScript's heap that are in use once what is not is collected. */
  async heapBytes(): Promise<number> {
    for (let time = 0; time < 2; time += 1) await this.#devtools.send("HeapProfiler.collectGarbage");
    const { usedSize } = await this.#devtools.send("Runtime.getHeapUsage");
    return usedSize;
  }

  async elements(): Promise<number> {
    return Number(await this.#page.evaluate("document.querySelectorAll('*').length"));
  }

  /** The longest task since the first lines were shown, in milliseconds; 0: none of over 50 ms. */
  async longestTask(): Promise<number> {
    return Number(
      await this.#page.evaluate(
        "Math.max(0, ...probe.longTasks.filter(({ at }) => at >= probe.shownAt).map(({ ms }) => ms))",
      ),
    );
  }

  /** What was fetched before the first lines were shown, but for the diff and what else is asked of an API: bytes of gzip. */
  async assetBytes(): Promise<number> {
    const script = `[location.href, ...performance.getEntriesByType("resource")
      .filter(({ initiatorType, responseEnd, name }) =>
        responseEnd <= probe.shownAt && initiatorType !== "fetch" && initiatorType !== "xmlhttprequest")
      .map(({ name }) => name)]`;
    const names = (await this.#page.evaluate(script)) as string[];
    let sum = 0;
    for (const name of new Set(names)) {
      sum += gzipSync(new Uint8Array(await (await fetch(name)).arrayBuffer()), { level: 9 }).length;
    }
    return sum;
  }

  async close(): Promise<void> {
    await this.#close();
  }
}

/** @returns `undefined`: it took too long */
async function patiently<T>(work: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, PATIENCE_MS, undefined);
  });
  work.catch(() => undefined); // of a browser that is closed meanwhile
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
