import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { build, stop } from "esbuild-wasm";
import { packagePath } from "../../src/util/index.js";
import type { Cleanup } from "../../test/support/temp.js";
import { progress } from "../support/measure.js";

/** The pages that Treewire's own is measured beside. */
export const PEERS = ["plain", "diff2html", "pierre"] as const;
export type Peer = (typeof PEERS)[number];

/** No dependency of this project: it comes with 11 MB of grammars. */
const PIERRE = "@pierre/diffs@^1.6.4";

const TYPES: Readonly<Record<string, string>> = { ".js": "text/javascript", ".css": "text/css", ".txt": "text/plain" };

const STYLES: Readonly<Record<Peer, string>> = {
  plain: "",
  diff2html: '<link rel="stylesheet" href="diff2html.css">',
  pierre: '<link rel="stylesheet" href="pierre.css">',
};
/** What its documentation asks for: the view scrolls, and not the page. */
const PIERRE_STYLE = "body { margin: 0 } .scroller { height: 100vh; overflow: auto }\n";

/** The peers' pages, as a bundler makes them. */
export interface PeerPages {
  /** Names and content of their files. */
  assets: ReadonlyMap<string, Uint8Array>;
  versions: Readonly<Record<Exclude<Peer, "plain">, string>>;
}

/** Builds them: each a module that is split where it loads the rest later, minified as Treewire's own page is. */
export async function buildPeers(): Promise<PeerPages> {
  const installed = pierreFolder();
  progress("bundling the peers");
  const browser = (name: string) => packagePath(`bench/page/browser/${name}.ts`);
  const { outputFiles } = await build({
    absWorkingDir: packagePath("."),
    entryPoints: [...PEERS, "probe"].map((name) => ({ in: browser(name), out: name })),
    nodePaths: [join(installed, "node_modules"), packagePath("node_modules")],
    outdir: "/",
    bundle: true,
    splitting: true,
    minify: true,
    write: false,
    format: "esm",
    platform: "browser",
    target: "chrome105",
    define: { "process.env.NODE_ENV": '"production"' },
    logLevel: "error",
  });
  await stop(); // its service would stay beside what is measured
  const assets = new Map(outputFiles.map(({ path, contents }) => [path.slice(1), contents]));
  assets.set("diff2html.css", readFileSync(packagePath("node_modules/diff2html/bundles/css/diff2html.min.css")));
  assets.set("pierre.css", Buffer.from(PIERRE_STYLE));
  return {
    assets,
    versions: {
      diff2html: versionOf(packagePath("node_modules/diff2html")),
      pierre: versionOf(join(installed, "node_modules/@pierre/diffs")),
    },
  };
}

/** Serves the peers' pages and a diff until the end. @returns the address that they are below */
export async function servePeers(t: Cleanup, { assets }: PeerPages, diff: string): Promise<string> {
  const files = new Map<string, string | Uint8Array>([...assets, ["diff.txt", diff]]);
  for (const peer of PEERS) {
    const head = `<!doctype html><meta charset="utf-8"><title>${peer}</title>${STYLES[peer]}`;
    files.set(peer, `${head}<body><script type="module" src="${peer}.js"></script>`);
  }
  const server = createServer((request, response) => {
    const name = request.url?.slice(1) ?? "";
    const content = files.get(name);
    const type = TYPES[extname(name)] ?? "text/html";
    response.writeHead(content === undefined ? 404 : 200, { "Content-Type": `${type}; charset=utf-8` }).end(content);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Where the package is: installed once, without running anything of it, in the directory that `BENCH_PEERS` names. */
function pierreFolder(): string {
  const folder = process.env.BENCH_PEERS ?? join(tmpdir(), "treewire-bench-peers");
  if (existsSync(join(folder, "node_modules/@pierre/diffs"))) return folder;
  progress(`installing ${PIERRE}, once`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
  execFileSync("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", PIERRE], {
    cwd: folder,
    stdio: ["ignore", "ignore", "inherit"],
  });
  return folder;
}

function versionOf(folder: string): string {
  const { version }: { version: string } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return version;
}
