import { randomUUID } from "node:crypto";
import { request } from "node:http";
import { Ajv2020 } from "ajv/dist/2020.js";
import t from "tap";
import { z } from "zod";
import { describeRelay } from "../../../src/relay/http/description/describe.js";
import { DESCRIBED } from "../../../src/relay/http/description/description.js";
import { createToken } from "../../../src/relay/index.js";
import fc from "../../support/fast-check.js";
import { TestRelay } from "../support/relay.js";

const PNG = "\x89PNG\r\n\x1a\n";
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"];

const schemaHolder = z.looseObject({ schema: z.record(z.string(), z.unknown()) });
const responseSchema = z.looseObject({
  headers: z.record(z.string(), z.looseObject({ required: z.boolean().optional() })).optional(),
  content: z.record(z.string(), schemaHolder).optional(),
});
const operationSchema = z.looseObject({
  responses: z.record(z.string(), responseSchema),
  parameters: z.array(schemaHolder.extend({ name: z.string() })).optional(),
  requestBody: z.looseObject({ content: z.record(z.string(), schemaHolder) }).optional(),
});
const documentSchema = z.looseObject({ paths: z.record(z.string(), z.record(z.string(), operationSchema)) });

interface Answer {
  status: number;
  headers: Record<string, unknown>;
  body: Buffer;
}

/** By hand, since `fetch` takes no body with a GET. */
function send(url: string, method: string, headers: Record<string, string>, body: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, headers }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("end", () => {
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: Buffer.concat(chunks) });
      });
      incoming.on("error", reject);
    });
    outgoing.on("error", reject);
    outgoing.end(Buffer.from(body, "latin1"));
  });
}

t.test("the description that the build has made is what the routes say, in both modes and of all files", async (t) => {
  for (const described of DESCRIBED) {
    const { hasUpstream, fileTypes } = described;
    const relay = await TestRelay.start(t, { mode: hasUpstream ? "upstream" : "own store", fileTypes });
    const answer = await fetch(`${relay.url}/openapi.json`);
    t.match(answer.headers.get("content-type"), /^application\/json\b/);
    t.equal(await answer.text(), await describeRelay(described), JSON.stringify(described));
  }
});

t.test("every schema of the description is one: JSON Schema of draft 2020-12, as OpenAPI 3.1 has it", async (t) => {
  const relay = await TestRelay.start(t);
  const { paths } = documentSchema.parse(await (await fetch(`${relay.url}/openapi.json`)).json());
  const ajv = new Ajv2020();
  for (const [path, item] of Object.entries(paths)) {
    for (const [method, { responses, parameters = [], requestBody }] of Object.entries(item)) {
      const contents = [...Object.values(responses), ...(requestBody === undefined ? [] : [requestBody])];
      const holders = [...parameters, ...contents.flatMap(({ content = {} }) => Object.values(content))];
      for (const { schema } of holders) {
        t.ok(ajv.validateSchema(schema), `${method} ${path}: ${ajv.errorsText()} in ${JSON.stringify(schema)}`);
      }
    }
  }
});

t.test("whatever is asked, the answer is one that the API's description has", async (t) => {
  const limits = { requestsPerAddress: 1e9, requestsPerToken: 1e9, failuresPerAddress: 1e9 };
  const relay = await TestRelay.start(t, { limits });
  await relay.agent([]);
  const admin = await createToken(relay.dataDir, { kind: "client", user: "root", admin: true });
  const { paths } = documentSchema.parse(await (await fetch(`${relay.url}/openapi.json`)).json());
  const upload = await send(
    `${relay.url}/chats/files?organization=${randomUUID()}`,
    "POST",
    { "coder-session-token": relay.clientToken, "content-type": "image/png" },
    PNG,
  );
  const { id: file } = z.object({ id: z.string() }).parse(JSON.parse(upload.body.toString()));

  const idIn = (name: string) => (name === "chat" ? relay.chat : name === "file" ? file : "0000000000000000");
  const routes = Object.entries(paths).flatMap(([path, item]) =>
    Object.keys(item).map((method): [string, string] => [path, method.toUpperCase()]),
  );
  const drawn = fc.record({
    route: fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(...routes) },
      { weight: 1, arbitrary: fc.tuple(fc.constantFrom(...Object.keys(paths)), fc.constantFrom(...METHODS)) },
    ),
    // a segment of dots is no id: a URL with it names the path above
    id: fc.oneof(
      fc.constant("its own"),
      fc.uuid(),
      fc.string({ minLength: 1, maxLength: 20 }).filter((text) => !/^\.{1,2}$/.test(text)),
    ),
    query: fc.oneof(
      fc.constant(`organization=${randomUUID()}`),
      fc.constantFrom("", "organization=", "organization=x", "owner=alice", "owner=a&owner=b", "=&&%", "%zz"),
    ),
    token: fc.constantFrom(admin, admin, relay.clientToken, relay.agentToken, "nonsense", ""),
    type: fc.constantFrom("application/json", "image/png", "text/plain", "multipart/form-data", "", "nonsense;;"),
    body: fc.oneof(
      fc.constantFrom("", "{}", "null", "[]", "{", PNG, '{"archived":true}', '{"archived":false}', '{"archived":1}'),
      fc.constantFrom('{"kind":"client","user":"x"}', '{"kind":"agent"}', '{"__proto__":{"kind":"client"}}'),
      fc.constant(`{"workspace":"${relay.workspace}"}`),
      fc.constant(" ".repeat(70_000)),
      fc.json(),
    ),
  });
  /** What is rarely drawn by chance: requests that make something. */
  const sensible = fc.constantFrom(
    { path: "/api/v2/chats/files", token: relay.clientToken, type: "image/png", body: PNG },
    { path: "/admin/tokens", token: admin, type: "application/json", body: '{"kind":"client","user":"x"}' },
  );
  const making = sensible.map(({ path, ...rest }) => ({
    ...rest,
    route: [path, "POST"] satisfies [string, string],
    id: "its own",
    query: `organization=${randomUUID()}`,
  }));
  const request = fc.oneof({ weight: 50, arbitrary: drawn }, { weight: 1, arbitrary: making });
  const seen = new Map<number, number>();
  await fc.assert(
    fc.asyncProperty(request, async ({ route: [path, method], id, query, token, type, body }) => {
      const target = path.replace(/\{(\w+)\}/, (_, name) => (id === "its own" ? idIn(name) : encodeURIComponent(id)));
      const headers = {
        ...(token !== "" && { "coder-session-token": token }),
        ...(type !== "" && { "content-type": type }),
        "content-length": String(Buffer.byteLength(body, "latin1")),
      };
      const answer = await send(`${relay.url}${target}?${query}`, method, headers, body);
      seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1);
      check(answer, paths[path], method);
    }),
    { numRuns: 1500 },
  );
  const missing = [200, 201, 204, 400, 401, 403, 404, 405, 413, 415].filter((status) => !seen.has(status));
  t.same(missing, [], `every kind of answer was drawn: ${JSON.stringify([...seen])}`);
});

/** @throws when the description does not have the answer */
function check(
  { status, headers, body }: Answer,
  item: z.infer<typeof documentSchema>["paths"][string] = {},
  method: string,
) {
  if (status >= 500) throw new Error(`a fault: ${status} ${body}`);
  const type = String(headers["content-type"] ?? "");
  const operation = item[method.toLowerCase()] ?? (method === "HEAD" ? item.get : undefined);
  if (operation === undefined || status === 405) {
    if (![400, 404, 405].includes(status)) throw new Error(`${status} to a method that is not there`);
    if (status === 405 && typeof headers.allow !== "string") throw new Error("405 without Allow");
    if (status === 405 && operation !== undefined) throw new Error("405 to a method that is there");
    return;
  }
  const described = operation.responses[String(status)];
  if (described === undefined) throw new Error(`${status} is not described: ${body}`);
  for (const [name, { required }] of Object.entries(described.headers ?? {})) {
    if (required === true && headers[name.toLowerCase()] === undefined) throw new Error(`${status} without ${name}`);
  }
  if (body.length === 0) {
    if (described.content !== undefined && method !== "HEAD") throw new Error(`${status} without a body`);
    return;
  }
  const content = described.content?.[type.split(";", 1)[0] ?? ""];
  if (content === undefined) throw new Error(`${status} with ${type}`);
  if (!type.startsWith("application/json")) return;
  z.fromJSONSchema(content.schema).parse(JSON.parse(body.toString()));
}

t.test("a method that a path has not is 405 with those that it has, and no path is 404", async (t) => {
  const relay = await TestRelay.start(t);
  const rows: [method: string, path: string, status: number, allow?: string][] = [
    ["POST", "/healthz", 405, "GET, HEAD"],
    ["PROPFIND", "/healthz", 405, "GET, HEAD"],
    ["PATCH", "/chats/files", 405, "POST"],
    ["GET", "/api/v2/chats/files/", 405, "POST"],
    ["PUT", `/chats/${relay.chat}`, 405, "GET, HEAD, PATCH"],
    ["GET", `/chats/${relay.chat}/archive`, 405, "POST"],
    ["POST", `/admin/chats/${relay.chat}/binding`, 405, "DELETE, PUT"],
    ["POST", "/nowhere", 404],
    ["GET", "/healthz/x", 404],
  ];
  for (const [method, path, status, allow] of rows) {
    const answer = await send(relay.url + path, method, { "content-type": "x/y", "content-length": "1" }, "{");
    t.same([answer.status, answer.headers.allow], [status, allow], `${method} ${path}`);
  }
});
