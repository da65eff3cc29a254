import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import tap from "tap";
import type { RelayOptions } from "../../src/relay/index.js";
import type { FakeAgent } from "../relay/support/fake-agent.js";
import { TestRelay } from "../relay/support/relay.js";
import { openBrowser } from "../support/browser.js";
import type { Cleanup } from "../support/temp.js";
import { until } from "../support/until.js";

export const ROOT = "/home/alice/app";

let browser: Promise<Browser> | undefined;

/** One for all tests of a file: each has profiles of its own in it, and a start costs as much as a test. */
function sharedBrowser(): Promise<Browser> {
  browser ??= openBrowser(tap);
  return browser;
}

/** A relay, an agent that a test plays, and Chromium with the page of its chat. */
export class PageWorld {
  readonly relay: TestRelay;
  /** What the pages have complained of: errors, and breaches of their own policy. */
  readonly complaints: string[] = [];
  /** The addresses that the pages have asked for. */
  readonly requests: string[] = [];
  readonly #t: Cleanup;

  private constructor(t: Cleanup, relay: TestRelay) {
    this.#t = t;
    this.relay = relay;
  }

  static async start(t: Cleanup, options: Partial<RelayOptions> = {}): Promise<PageWorld> {
    return new PageWorld(t, await TestRelay.start(t, options));
  }

  agent(roots: string[] = [ROOT]): Promise<FakeAgent> {
    return this.relay.agent(roots);
  }

  get address(): string {
    return `${this.relay.url}/view/${this.relay.chat}`;
  }

  /** A page of its own browser profile, at an address: by default the chat's link with its token. */
  async open(
    address = `${this.address}#token=${this.relay.clientToken}`,
    options: BrowserContextOptions = {},
  ): Promise<Page> {
    const context = await (await sharedBrowser()).newContext({ viewport: { width: 1280, height: 800 }, ...options });
    this.#t.teardown(() => context.close());
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    page.on("request", (request) => this.requests.push(request.url()));
    page.on("websocket", (socket) => this.requests.push(socket.url()));
    page.on("pageerror", (error) => this.complaints.push(error.message));
    page.on("console", (message) => {
      // a refused request is a line of the browser's own in the console
      if (message.type() === "error" && !/Failed to load resource|WebSocket connection/.test(message.text())) {
        this.complaints.push(message.text());
      }
    });
    await page.goto(address);
    return page;
  }

  /** The same, as soon as the diff is there. */
  async openLive(options: BrowserContextOptions = {}): Promise<Page> {
    const page = await this.open(undefined, options);
    await page.waitForSelector("main[data-state=live]");
    return page;
  }
}

/** The selector of a file. */
export function file(path: string): string {
  return `.file[data-path=${JSON.stringify(path)}]`;
}

/** Waits until what has come near the screen is laid out. */
export async function laidOut(page: Page): Promise<void> {
  await page.waitForTimeout(100);
  // a busy machine may have drawn nothing by then
  await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
}

/** Waits until something is true in the page. @param expression of JavaScript */
export async function untilTrue(page: Page, expression: string): Promise<void> {
  // not by waitForFunction, which needs what the page's policy forbids
  await until(expression, async () => Boolean(await page.evaluate(expression)));
}
