import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { packagePath } from "../../src/util/index.js";
import type { Cleanup } from "./temp.js";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const executablePath = PLACES.find((path) => existsSync(path));

/** Why no page can be opened on this machine; `false` where one can. */
export const withoutBrowser = executablePath === undefined && "there is no Chromium";

/** A headless browser that ends with the test. */
export async function openBrowser(t: Cleanup): Promise<Browser> {
  if (executablePath === undefined) throw new Error("there is no Chromium");
  // root has no user namespace of its own to put the browser's sandbox into
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
  t.teardown(() => browser.close());
  return browser;
}

const TYPES: Record<string, string> = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css" };

/** Serves the files of this project over HTTP until the test ends. @returns the URL of its root, with a slash */
export async function serveProject(t: Cleanup): Promise<string> {
  const server = createServer((request, response) => {
    const path = packagePath(normalize(join("/", new URL(request.url ?? "", "http://x").pathname)));
    if (!existsSync(path) || !statSync(path).isFile()) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { "Content-Type": TYPES[extname(path)] ?? "application/octet-stream" });
    createReadStream(path).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}
