import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { idSchema, parseComparisonRequest } from "../../protocol/index.js";
import { TreewireError } from "../../util/index.js";
import type { Client } from "../access/index.js";
import { REFUSALS, RefusedError } from "../answers.js";
import { chatSchema } from "../chats/index.js";
import type { Chat, NewToken, OnBehalf, TokenEntry } from "../store/index.js";
import type { HttpContext, HttpServer } from "./context.js";
import { requireAdmin } from "./operations.js";
import { callerErrors, OF_JSON_BODIES } from "./schemas.js";
import { type Activities, activitiesOf, showChat } from "./shown-chats.js";

const tokenSchema = z.object({
  id: z.string(),
  kind: z.enum(["agent", "client"]),
  workspace: z.string().nullable(),
  user: z.string().nullable(),
  admin: z.boolean(),
  created_at: z.iso.datetime(),
  expires_at: z.iso.datetime().nullable(),
  revoked_at: z.iso.datetime().nullable(),
});

const expiry = z.iso.datetime().optional();
const newTokenSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("agent"), workspace: idSchema, expires_at: expiry }),
  z.strictObject({
    kind: z.literal("client"),
    user: z.string().min(1).max(255),
    admin: z.boolean().default(false),
    workspace: idSchema.optional(),
    expires_at: expiry,
  }),
]);

const boundChatSchema = chatSchema.extend({ paths: z.array(z.string()), base: z.string() });
const bindingSchema = z.strictObject({
  workspace: idSchema,
  owner: z.string().min(1).max(255).optional(),
  paths: z.array(z.string().startsWith("/").max(4096)).max(1000).default([]),
  /** The ref that the chat's trees are compared with as their base. */
  base: z
    .string()
    .refine((text) => text === "" || parseComparisonRequest(`ref:${text}`) !== undefined, {
      message: "Must be a ref's name.",
    })
    .default(""),
  parent: idSchema.optional(),
});

const errors = callerErrors(403);
const bodyErrors = callerErrors(403, ...OF_JSON_BODIES);
const nameErrors = callerErrors(403, 404, ...OF_JSON_BODIES); // a body that nobody asked for is read all the same
const tags = ["admin"];

/** What the commands `relay token` and `relay chat` do, for admins over HTTP. */
export function adminRoutes(context: HttpContext) {
  const { store } = context;
  return async (http: HttpServer): Promise<void> => {
    http.decorateRequest("admin");
    http.addHook("onRequest", async (request) => {
      request.setDecorator("admin", await requireAdmin(context, request));
    });

    http.get(
      "/tokens",
      {
        schema: {
          tags,
          summary: "Every token, without its secret",
          response: { 200: z.array(tokenSchema), ...errors },
        },
      },
      async () => (await store.tokens.list()).map(tokenJson),
    );
    http.post(
      "/tokens",
      {
        schema: {
          tags,
          summary: "Make a token",
          body: newTokenSchema,
          response: {
            201: z.object({ token: z.string().describe("Its text, which is kept nowhere.") }),
            ...bodyErrors,
          },
        },
      },
      async (request, reply) => {
        const { expires_at, ...token } = request.body;
        const expires = expires_at === undefined ? {} : { expiresAt: new Date(expires_at) };
        const { workspace } = token;
        const wanted: NewToken =
          token.kind === "agent"
            ? { ...token, ...expires }
            : {
                kind: "client",
                user: token.user,
                admin: token.admin,
                ...(workspace !== undefined && { workspace }),
                ...expires,
              };
        const made = await store.tokens.create(wanted, onBehalfOf(request));
        return reply.code(201).send({ token: made });
      },
    );
    http.delete(
      "/tokens/:id",
      {
        schema: {
          tags,
          summary: "Make a token worthless; its live sockets are closed",
          params: z.object({ id: z.string() }),
          response: { 204: z.null(), ...nameErrors },
        },
      },
      async (request, reply) => {
        const revoked = await store.tokens.revoke(request.params.id, onBehalfOf(request));
        if (revoked === undefined) throw new RefusedError(REFUSALS.notFound);
        context.changed();
        return reply.code(204).send(null);
      },
    );
    http.get(
      "/chats",
      {
        schema: {
          tags,
          summary: "Every chat",
          querystring: z.object({ owner: z.string().optional(), coder_session_token: z.string().optional() }),
          response: { 200: z.array(boundChatSchema), ...errors },
        },
      },
      async (request) => {
        const admin = request.getDecorator<Client>("admin");
        const chats = await store.chats.list(request.query.owner);
        const known = await activitiesOf(context, chats);
        return chats.map((chat) => boundChat(known, chat, admin));
      },
    );
    http.put(
      "/chats/:chat/binding",
      {
        schema: {
          tags,
          summary: "Bind a chat to the trees of a workspace; makes the chat when it is new",
          params: z.object({ chat: idSchema }),
          body: bindingSchema,
          response: { 200: boundChatSchema, ...bodyErrors },
        },
      },
      async (request) => {
        const { params, body } = request;
        const { owner, parent, ...rest } = body;
        const binding = {
          chat: params.chat,
          ...rest,
          ...(owner !== undefined && { owner }),
          ...(parent !== undefined && { parent }),
        };
        const chat = await store.chats.bind(binding, onBehalfOf(request)).catch(refuseBadUsage);
        context.changed();
        return boundChat(await activitiesOf(context, [chat]), chat, request.getDecorator<Client>("admin"));
      },
    );
    http.delete(
      "/chats/:chat/binding",
      {
        schema: {
          tags,
          summary: "Take a chat's binding away; the chat stays",
          params: z.object({ chat: idSchema }),
          response: { 204: z.null(), ...nameErrors },
        },
      },
      async (request, reply) => {
        const unbound = await store.chats.unbind(request.params.chat, onBehalfOf(request));
        if (unbound === undefined) throw new RefusedError(REFUSALS.notFound);
        context.changed();
        return reply.code(204).send(null);
      },
    );
  };
}

/** Their token is looked at once more when it is written: the body may have taken minutes. */
function onBehalfOf(request: FastifyRequest): Required<OnBehalf> {
  return { by: request.getDecorator<Client>("admin").tokenId };
}

function boundChat(known: Activities, chat: Chat, admin: Client): z.infer<typeof boundChatSchema> {
  return { ...showChat(known, chat, admin), paths: [...chat.paths], base: chat.base };
}

function tokenJson(token: TokenEntry): z.infer<typeof tokenSchema> {
  return {
    id: token.tokenId,
    kind: token.kind,
    workspace: token.workspace ?? null,
    user: token.kind === "client" ? token.user : null,
    admin: token.kind === "client" && token.admin,
    created_at: token.createdAt.toISOString(),
    expires_at: token.expiresAt?.toISOString() ?? null,
    revoked_at: token.revokedAt?.toISOString() ?? null,
  };
}

/** What a caller has asked for wrongly. */
const REFUSED: ReadonlySet<string> = new Set(["TW_BAD_USAGE", "TW_NO_SUCH_CHAT", "TW_RECORD_TOO_LARGE"]);

function refuseBadUsage(thrown: unknown): never {
  if (!(thrown instanceof TreewireError) || !REFUSED.has(thrown.code)) throw thrown;
  throw new RefusedError({ status: 400, body: { message: "Bad request.", detail: thrown.message } });
}
