import swagger from "@fastify/swagger";
import { fastify } from "fastify";
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from "fastify-type-provider-zod";
import { DEFAULT_LIMITS } from "../../limit-options.js";
import type { Metrics } from "../../metrics.js";
import type { HttpContext } from "../context.js";
import { addRoutes } from "../routes.js";
import type { Described } from "./description.js";
import { openapi } from "./openapi.js";

/** Nobody is ever called there. */
const UPSTREAM = { url: new URL("http://localhost"), timeoutMs: 1 };

/**
 * Describes a relay's HTTP interface by its routes' schemas. For the build: a relay serves what was made then.
 *
 * @returns a document of OpenAPI 3.1, as JSON
 */
export async function describeRelay({ hasUpstream, fileTypes }: Described): Promise<string> {
  const http = fastify().withTypeProvider<ZodTypeProvider>();
  http.setValidatorCompiler(validatorCompiler);
  http.setSerializerCompiler(serializerCompiler);
  await http.register(swagger, openapi(fileTypes));
  const context = {} as HttpContext; // routes use it when they are called, and none is
  await addRoutes(http, context, {
    ...{ limits: DEFAULT_LIMITS, metrics: {} as Metrics, frameAncestors: [], fileTypes },
    ...{ socketsLeft: () => undefined, reachesOthers: () => true },
    upstream: hasUpstream ? UPSTREAM : undefined,
  });
  await http.ready();
  const description = JSON.stringify(http.swagger());
  await http.close();
  return description;
}
