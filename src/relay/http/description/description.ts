import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { packagePath } from "../../../util/index.js";
import type { HttpServer } from "../context.js";
import type { FileTypes } from "../files/file-types.js";

/** What decides which routes a relay has, and what they take. */
export interface Described {
  hasUpstream: boolean;
  fileTypes: FileTypes;
}

/** Every kind of relay: the build describes each. */
export const DESCRIBED: readonly Described[] = [false, true].flatMap((hasUpstream) =>
  (["images", "all"] as const).map((fileTypes) => ({ hasUpstream, fileTypes })),
);

/** Where the build puts a description, compressed by gzip. @returns a path in the package */
export function descriptionPath({ hasUpstream, fileTypes }: Described): string {
  return `dist/openapi/${hasUpstream ? "upstream" : "own"}-${fileTypes}.json.gz`;
}

/**
 * The relay's description of itself, `/openapi.json`. The build has made it (describe.ts): that takes 150 ms, in which a
 * relay would serve nobody else.
 */
export function descriptionRoute(described: Described) {
  let description: Buffer | undefined; // it is large, and the same each time
  return async (http: HttpServer): Promise<void> => {
    http.get("/openapi.json", { schema: { hide: true } }, async (_request, reply) => {
      description ??= await promisify(gunzip)(await readFile(packagePath(descriptionPath(described))));
      return reply.type("application/json; charset=utf-8").send(description);
    });
  };
}
