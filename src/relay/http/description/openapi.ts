import type { FastifyDynamicSwaggerOptions } from "@fastify/swagger";
import { jsonSchemaTransform } from "fastify-type-provider-zod";
import type { OpenAPIV3_1 } from "openapi-types";
import { RELAY_HEADER, RELAY_HEADER_VALUE, VERSION } from "../../../util/index.js";
import { FILE_TYPES } from "../../answers.js";
import { type FileTypes, typesOf } from "../files/file-types.js";

/** The ways of bringing a token, in the order in which they count (docs/protocol.md). */
const SECURITY_SCHEMES = {
  header: { type: "apiKey", in: "header", name: "Coder-Session-Token" },
  bearer: { type: "http", scheme: "bearer" },
  cookie: { type: "apiKey", in: "cookie", name: "coder_session_token" },
  query: { type: "apiKey", in: "query", name: "coder_session_token" },
} as const;

/** Routes that ask nobody who is calling. */
const OPEN = ["/healthz", "/readyz", "/session", "/join"];

const BYTES = { type: "string", format: "binary" } as const;
const UUID = { type: "string", format: "uuid" } as const;
const RETRY_AFTER = {
  "Retry-After": { description: "Seconds until it is worth coming back.", required: true, schema: { type: "integer" } },
} as const;
const OF_EVERY_ANSWER: OpenAPIV3_1.ResponseObject["headers"] = {
  [RELAY_HEADER]: {
    description: "It is the relay that answers, not a proxy before it.",
    required: true,
    schema: { type: "string", enum: [RELAY_HEADER_VALUE] },
  },
};
const FILE_HEADERS = {
  "Content-Disposition": {
    description: "`inline` of an image, else `attachment`, and the name if there is one.",
    schema: { type: "string" },
  },
  "Cache-Control": { description: "It never changes.", schema: { type: "string" } },
  "X-Content-Type-Options": { description: "`nosniff`", schema: { type: "string" } },
  ETag: { description: "Its digest, for `If-None-Match`.", schema: { type: "string" } },
} as const;

const SIDE_HEADERS = {
  "Treewire-Lines": { description: "How many lines the whole text has.", schema: { type: "integer" } },
  "Content-Security-Policy": { description: "`sandbox`", schema: { type: "string" } },
  "X-Content-Type-Options": { description: "`nosniff`", schema: { type: "string" } },
  ETag: { description: "The id of the blob, for `If-None-Match`.", schema: { type: "string" } },
} as const;

/**
 * How the description of the HTTP interface is made of the routes' schemas: what these cannot say is added here.
 *
 * @param files what may be uploaded
 */
export const openapi = (files: FileTypes): FastifyDynamicSwaggerOptions => ({
  openapi: {
    openapi: "3.1.0",
    info: { title: "Treewire relay", version: VERSION, description: "The live diff of git working trees." },
    components: { securitySchemes: SECURITY_SCHEMES },
  },
  transform: jsonSchemaTransform,
  transformObject: (document) => {
    if (!("openapiObject" in document)) throw new Error("a document of OpenAPI 3");
    const { paths = {} } = document.openapiObject as OpenAPIV3_1.Document;
    for (const [path, item] of Object.entries(paths)) {
      for (const [method, operation] of Object.entries(item ?? {})) {
        // a route's methods have one object for all of them
        const own = structuredClone(operation) as OpenAPIV3_1.OperationObject;
        amend(path, method, own, typesOf(files));
        Object.assign(item ?? {}, { [method]: own });
      }
    }
    return document.openapiObject;
  },
});

function amend(
  path: string,
  method: string,
  operation: OpenAPIV3_1.OperationObject,
  fileTypes: readonly string[],
): void {
  const responses = operation.responses ?? {};
  operation.security = OPEN.includes(path) ? [] : Object.keys(SECURITY_SCHEMES).map((name) => ({ [name]: [] }));
  for (const parameter of operation.parameters ?? []) {
    if ("name" in parameter && ["chat", "file"].includes(parameter.name)) parameter.schema = UUID;
  }
  for (const [status, response] of Object.entries(responses)) {
    if ("$ref" in response) continue;
    if (status === "429" || status === "503") response.headers = RETRY_AFTER;
  }
  if (path === "/metrics") responses["200"] = { description: "Metrics.", content: { "text/plain": { schema: BYTES } } };
  if (/\/(?:git\/watch|stream\/git)$/.test(path)) {
    operation.parameters = [...(operation.parameters ?? []), ...OF_THE_STREAM];
  }
  if (path.endsWith("/chats/files")) {
    operation.parameters = [{ name: "organization", in: "query", required: true, schema: UUID }, DISPOSITION];
    operation.requestBody = { required: true, content: contentOf(fileTypes) };
  }
  if (path.endsWith("/git/file")) {
    operation.parameters = [...(operation.parameters ?? []), IF_NONE_MATCH];
    const content = contentOf(["text/plain", ...FILE_TYPES]);
    responses["200"] = { description: "Lines of a text, or an image.", headers: SIDE_HEADERS, content };
    responses["304"] = { description: "The caller has it.", headers: SIDE_HEADERS };
  }
  if (path.endsWith("/chats/files/{file}") && method !== "delete") {
    operation.parameters = [...(operation.parameters ?? []), IF_NONE_MATCH];
    const content = method === "get" ? { content: contentOf(fileTypes) } : {};
    responses["200"] = { description: "The bytes, with the stored type.", headers: FILE_HEADERS, ...content };
    responses["304"] = { description: "The caller has them.", headers: FILE_HEADERS };
  }
  for (const response of Object.values(responses)) {
    if (!("$ref" in response)) response.headers = { ...response.headers, ...OF_EVERY_ANSWER };
  }
  // a HEAD is answered as a GET would be, without the body
  if (method === "head") for (const each of Object.values(responses)) if ("content" in each) delete each.content;
}

const DISPOSITION: OpenAPIV3_1.ParameterObject = {
  ...{ name: "Content-Disposition", in: "header", schema: { type: "string" } },
  description: "The file's name, as `filename` or `filename*`.",
};
const OF_THE_STREAM: OpenAPIV3_1.ParameterObject[] = [
  {
    ...{ name: "stale", in: "query", schema: { type: "string", enum: ["ok"] } },
    description: "The last state will do while the agent is away.",
  },
  {
    ...{ name: "on_away", in: "query", schema: { type: "string", enum: ["close"] } },
    description: "When the agent goes away the socket is closed with 1001.",
  },
];
const IF_NONE_MATCH: OpenAPIV3_1.ParameterObject = {
  ...{ name: "If-None-Match", in: "header", schema: { type: "string" } },
  description: "Tags of which the caller has the bytes.",
};

function contentOf(types: readonly string[]): Record<string, { schema: typeof BYTES }> {
  return Object.fromEntries(types.map((type) => [type, { schema: BYTES }]));
}
