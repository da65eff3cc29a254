import type { UpstreamOptions } from "../access/index.js";
import type { LimitOptions } from "../limit-options.js";
import { PREFIXES } from "../routes.js";
import { proxyRoutes } from "../upstream/calls.js";
import { adminRoutes } from "./admin.js";
import { chatRoutes, streamRoutes } from "./chats.js";
import type { HttpContext, HttpServer } from "./context.js";
import { descriptionRoute } from "./description/description.js";
import type { FileTypes } from "./files/file-types.js";
import { fileRoutes } from "./files/files.js";
import { chatDiffRoute, gitRoutes } from "./git.js";
import { type OperationOptions, operationRoutes } from "./operations.js";
import { pageRoutes } from "./page.js";
import { sessionRoutes } from "./session.js";

export interface RouteOptions extends OperationOptions {
  limits: LimitOptions;
  /** Set: it stays the owner of chats and files, and their calls are handed through. */
  upstream: UpstreamOptions | undefined;
  /** What chat files may be. */
  fileTypes: FileTypes;
  /** Origins whose pages may frame the page, or `'self'`. */
  frameAncestors: readonly string[];
}

/** Adds all routes of a relay. They use the context when they are called. */
export async function addRoutes(http: HttpServer, context: HttpContext, options: RouteOptions): Promise<void> {
  const { limits, upstream, fileTypes } = options;
  await http.register(operationRoutes(context, options));
  await http.register(descriptionRoute({ hasUpstream: upstream !== undefined, fileTypes }));
  await http.register(adminRoutes(context), { prefix: "/admin" });
  await http.register(sessionRoutes(context, upstream !== undefined));
  await http.register(pageRoutes(options.frameAncestors));
  for (const prefix of PREFIXES) {
    const hide = prefix !== PREFIXES[0]; // the description names each route once
    await http.register(streamRoutes(context, prefix, hide), { prefix });
    await http.register(gitRoutes(context, prefix, hide), { prefix });
    if (upstream === undefined) {
      await http.register(chatRoutes(context, hide), { prefix });
      await http.register(chatDiffRoute(context, prefix, hide), { prefix });
      await http.register(fileRoutes(context, fileTypes, hide), { prefix });
    } else {
      await http.register(proxyRoutes(context, upstream, limits), { prefix });
    }
  }
}
