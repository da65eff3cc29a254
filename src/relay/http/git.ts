import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import {
  type Answer,
  commitEntrySchema,
  comparisonMetaSchema,
  HEAD_COMPARISON,
  imageType,
  MAX_ANSWERED_LINES,
  MAX_LISTED_COMMITS,
  parseComparisonRequest,
  type Question,
} from "../../protocol/index.js";
import { mayWatch } from "../access/index.js";
import { accept, REFUSALS, type Refusal, RefusedError } from "../answers.js";
import { QuestionError } from "../hub/index.js";
import { clientOf, type HttpContext, type HttpServer } from "./context.js";
import { callerErrors } from "./schemas.js";

const params = z.object({ chat: z.string() });
const root = z.string().startsWith("/").max(4096);
const compare = z.string().refine((text) => parseComparisonRequest(text) !== undefined, {
  message: "Must be head, base, ref:NAME or commit:OID.",
});
const line = z.coerce.number().int().positive().max(Number.MAX_SAFE_INTEGER);
const token = { coder_session_token: z.string().optional() };

const commitsQuery = z.object({
  root: root.optional(),
  compare: compare.default("base"),
  limit: z.coerce.number().int().min(1).max(MAX_LISTED_COMMITS).default(MAX_LISTED_COMMITS),
  before: z
    .string()
    .regex(/^[0-9a-f]{40,64}$/, "Must be a commit's id.")
    .optional(),
  ...token,
});
const commitsSchema = z.object({
  commits: z.array(commitEntrySchema.extend({ parents: z.array(z.string()) })),
  has_more: z.boolean(),
  base: comparisonMetaSchema,
});
const fileQuery = z.object({
  root: root.optional(),
  compare: compare.default(HEAD_COMPARISON),
  key: z
    .string()
    .min(3)
    .max(3 * 4096),
  side: z.enum(["old", "new"]),
  oid: z
    .string()
    .regex(/^[0-9a-f]{40,64}$/, "Must be a blob's id.")
    .optional(),
  from: line.default(1),
  to: line.default(MAX_ANSWERED_LINES),
  ...token,
});
const diffSchema = z.object({
  chat_id: z.string(),
  provider: z.string().nullable(),
  remote_origin: z.string().nullable(),
  branch: z.string().nullable(),
  pull_request_url: z.string().nullable(),
  diff: z.string(),
});

/** Why an agent has no answer, as statuses. */
const FAILURES: Record<Extract<Answer, { kind: "failure" }>["why"], number> = {
  "not-found": 404,
  changed: 409,
  withheld: 403,
  "too-large": 413,
  unsupported: 415,
  failed: 502,
};

const UNANSWERED: Record<QuestionError["why"], Refusal> = {
  "too-many": { ...REFUSALS.tooManyRequests, headers: { "Retry-After": "5" } },
  "no-agent": { status: 400, body: { message: "The workspace's agent was lost." } },
  "no-answer": REFUSALS.gatewayTimeout,
  "old-agent": { status: 400, body: { message: "The workspace's agent is too old to answer this." } },
};

type AskedOfChat = FastifyRequest<{ Params: { chat: string } }>;

/** Asks the agent of the chat that a request names. The function throws RefusedError where there is no answer. */
function asking(context: HttpContext, prefix: string) {
  return async (request: AskedOfChat, question: Question): Promise<{ answer: Answer; chat: string }> => {
    const { authority, agentState } = context;
    const client = await clientOf(context, authority, request);
    const { workspace, chat } = accept(await mayWatch(authority, agentState, client, request.params.chat, prefix));
    try {
      const answer = await context.ask({ workspace, chat: chat.id, paths: chat.paths, base: chat.base }, question);
      if (answer.kind !== "failure") return { answer, chat: chat.id };
      throw new RefusedError({ status: FAILURES[answer.why], body: { message: sentence(answer.message) } });
    } catch (thrown) {
      if (thrown instanceof QuestionError) throw new RefusedError(UNANSWERED[thrown.why]);
      throw thrown;
    }
  };
}

/** What is asked of a chat's trees without watching them (docs/protocol.md, "Commits and files"). */
export function gitRoutes(context: HttpContext, prefix: string, hide: boolean) {
  const ask = asking(context, prefix);
  return async (http: HttpServer): Promise<void> => {
    http.get(
      "/chats/:chat/git/commits",
      {
        schema: {
          hide,
          summary: "The commits of a comparison, along first parents, newest first",
          params,
          querystring: commitsQuery,
          response: { 200: commitsSchema, ...callerErrors(403, 404, 502, 504) },
        },
      },
      async (request) => {
        const { root, compare, limit, before } = request.query;
        const where = { ...(root !== undefined && { root }), ...(before !== undefined && { before }) };
        const { answer } = await ask(request, { kind: "commits", compare, limit, ...where });
        if (answer.kind !== "commits") throw new RefusedError(REFUSALS.badGateway);
        return { commits: answer.commits, has_more: answer.has_more, base: answer.base };
      },
    );
    http.get(
      "/chats/:chat/git/file",
      {
        schema: {
          hide,
          summary: "One side of a file that the diff has: lines of it, or an image",
          params,
          querystring: fileQuery,
          response: callerErrors(403, 404, 409, 413, 415, 502, 504),
        },
      },
      async (request, reply) => {
        const { root, compare, key, side, oid, from, to } = request.query;
        const where = { ...(root !== undefined && { root }), ...(oid !== undefined && { oid }) };
        const { answer } = await ask(request, { kind: "file", compare, key, side, from, to, ...where });
        return sendFile(reply, answer, request.headers["if-none-match"]);
      },
    );
  };
}

function sendFile(reply: FastifyReply, answer: Answer, known: string | undefined): FastifyReply {
  if (answer.kind !== "text" && answer.kind !== "bytes") throw new RefusedError(REFUSALS.badGateway);
  const etag = `"${answer.oid}"`;
  reply.headers({
    ETag: etag,
    "Cache-Control": "private, no-cache",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox",
  });
  if (answer.kind === "text") reply.header("Treewire-Lines", answer.lines);
  if (known?.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag)) return reply.code(304).send();
  if (answer.kind === "text") return reply.type("text/plain; charset=utf-8").send(answer.text);
  const bytes = Buffer.from(answer.base64, "base64");
  const type = imageType(bytes); // what the agent says is not believed
  if (type === undefined) throw new RefusedError(REFUSALS.badGateway);
  return reply.type(type).send(bytes);
}

/** The diff of a chat's first tree against its base, in the form of Coder's own route; in upstream mode that answers itself. */
export function chatDiffRoute(context: HttpContext, prefix: string, hide: boolean) {
  const ask = asking(context, prefix);
  return async (http: HttpServer): Promise<void> => {
    http.get(
      "/chats/:chat/diff",
      {
        schema: {
          hide,
          summary: "The diff of a chat's first tree against its base",
          params,
          response: { 200: diffSchema, ...callerErrors(403, 404, 502, 504) },
        },
      },
      async (request) => {
        const { answer, chat } = await ask(request, { kind: "diff" });
        if (answer.kind !== "diff") throw new RefusedError(REFUSALS.badGateway);
        const { branch, remote_origin: origin, diff } = answer;
        return {
          chat_id: chat,
          provider: origin === "" ? null : providerOf(origin),
          remote_origin: origin === "" ? null : origin,
          branch: branch === "" ? null : branch,
          pull_request_url: null,
          diff,
        };
      },
    );
  };
}

/** The name by which Coder knows where a remote is; `null` for any other. */
function providerOf(origin: string): string | null {
  return ["github", "gitlab", "bitbucket"].find((name) => origin.includes(name)) ?? null;
}

function sentence(message: string): string {
  return `${message.charAt(0).toUpperCase()}${message.slice(1)}.`;
}
