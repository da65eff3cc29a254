import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { FastifyReply, FastifyRequest } from "fastify";
import { packagePath, TreewireError } from "../../util/index.js";
import { REFUSALS, RefusedError } from "../answers.js";
import type { HttpServer } from "./context.js";

/** The types of the page's own files, by the end of their names. */
const TYPES: Readonly<Record<string, string>> = {
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
  txt: "text/plain; charset=utf-8",
};

/** In the order of preference; a browser's own is not looked at, since all of them take all of these. */
const ENCODINGS = [
  { name: "br", ending: ".br" },
  { name: "gzip", ending: ".gz" },
] as const;

/** A file of the page, as it is and compressed. */
interface Asset {
  type: string;
  plain: Buffer;
  compressed: Map<string, Buffer>;
}

/**
 * The page (docs/page.md): its shell at `/` and `/view/{chat}`, and its files, whose names change with what they hold. All of
 * it was built with the package, and is held in memory: no path of a request reaches the disk.
 *
 * @param ancestors origins whose pages may frame this one, or `'self'`
 * @throws TreewireError `TW_BAD_CONFIG` for an ancestor that is none
 */
export function pageRoutes(ancestors: readonly string[]) {
  const folder = packagePath("dist/web");
  const shell = readFileSync(join(folder, "index.html"), "utf8");
  const assets = readAssets(join(folder, "assets"));
  const headers = {
    "Content-Security-Policy": policy(ancestors),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
  };
  const sendShell = (request: FastifyRequest, reply: FastifyReply) => {
    const path = request.url.split("?", 1)[0] ?? "";
    // relative to what the browser sees: a proxy may have taken a prefix away
    const base = "../".repeat(Math.max(0, path.split("/").length - 2)) || "./";
    return reply
      .headers({ ...headers, "Cache-Control": "no-cache" })
      .type("text/html; charset=utf-8")
      .send(shell.replaceAll("{base}", base));
  };
  return async (http: HttpServer): Promise<void> => {
    for (const url of ["/", "/view/:chat"])
      http.get(url, { schema: { hide: true } }, async (...call) => sendShell(...call));
    http.get<{ Params: { name: string } }>("/assets/:name", { schema: { hide: true } }, async (request, reply) => {
      const asset = assets.get(request.params.name);
      if (asset === undefined) throw new RefusedError(REFUSALS.noSuchRoute);
      const accepted = String(request.headers["accept-encoding"] ?? "");
      const encoding = ENCODINGS.find(({ name }) =>
        new RegExp(`\\b${name}\\b(?!\\s*;\\s*q=0(?:\\.0*)?(?:,|$))`).test(accepted),
      );
      const compressed = encoding && asset.compressed.get(encoding.name);
      return reply
        .headers({ ...headers, "Cache-Control": "public, max-age=31536000, immutable", Vary: "Accept-Encoding" })
        .headers(compressed === undefined ? {} : { "Content-Encoding": encoding?.name })
        .type(asset.type)
        .send(compressed ?? asset.plain);
    });
  };
}

/** Nothing comes from elsewhere, nothing is sent elsewhere, and no text becomes a program. */
function policy(ancestors: readonly string[]): string {
  // what else stood there would be read as another directive
  const bad = ancestors.find((ancestor) => ancestor !== "'self'" && !/^https?:\/\/[\w.:*[\]-]+$/.test(ancestor));
  if (bad !== undefined) throw new TreewireError("TW_BAD_CONFIG", `frame-ancestor ${bad}`, { detail: "not an origin" });
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' blob:",
    "base-uri 'none'",
    "form-action 'self'",
    `frame-ancestors ${ancestors.length === 0 ? "'none'" : ancestors.join(" ")}`,
    "require-trusted-types-for 'script'",
  ].join("; ");
}

function readAssets(folder: string): Map<string, Asset> {
  const assets = new Map<string, Asset>();
  const names = readdirSync(folder);
  for (const name of names) {
    if (ENCODINGS.some(({ ending }) => name.endsWith(ending))) continue;
    const compressed = new Map(
      ENCODINGS.filter(({ ending }) => names.includes(name + ending)).map(({ name: encoding, ending }) => [
        encoding,
        readFileSync(join(folder, name + ending)),
      ]),
    );
    const type = TYPES[name.split(".").at(-1) ?? ""] ?? "application/octet-stream";
    assets.set(name, { type, plain: readFileSync(join(folder, name)), compressed });
  }
  return assets;
}
