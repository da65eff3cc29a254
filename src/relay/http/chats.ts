import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { type Client, mayWatch } from "../access/index.js";
import { accept, REFUSALS, RefusedError } from "../answers.js";
import { type ChatUpdate, chatSchema, chatUpdateSchema } from "../chats/index.js";
import { STREAM_NAMES } from "../routes.js";
import type { Chat } from "../store/index.js";
import { clientOf, type HttpContext, type HttpServer } from "./context.js";
import { callerErrors, OF_JSON_BODIES } from "./schemas.js";
import { activitiesOf, showChat } from "./shown-chats.js";

const params = z.object({ chat: z.string() });
/** How many chats one answer has. */
const CHATS = { usual: 50, most: 200 };
const listSchema = z.object({
  limit: z.coerce.number().int().min(1).max(CHATS.most).default(CHATS.usual),
  offset: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).default(0),
  archived: z.enum(["true", "false"]).default("false"),
  coder_session_token: z.string().optional(),
});
const noContent = z.null().describe("Done.");

/** What a plain GET of a stream's address is answered: why there is no upgrade, or that it wants one. */
export function streamRoutes(context: HttpContext, prefix: string, hide: boolean) {
  return async (http: HttpServer): Promise<void> => {
    for (const name of STREAM_NAMES) {
      http.route({
        method: "GET",
        url: `/chats/:chat/${name}`,
        schema: {
          hide,
          summary: "The git stream of a chat (WebSocket)",
          description:
            "A `changes` message has at most --frame-bytes bytes; the largest hunks are left out of larger ones.",
          params,
          response: callerErrors(403, 404, 426),
        },
        handler: async (request) => {
          const { authority, agentState } = context;
          const client = await clientOf(context, authority, request);
          accept(await mayWatch(authority, agentState, client, request.params.chat, prefix));
          throw new RefusedError(REFUSALS.upgradeRequired);
        },
      });
    }
  };
}

/** The chat routes, on the relay's own store (docs/protocol.md). */
export function chatRoutes(context: HttpContext, hide: boolean) {
  const find = async (request: FastifyRequest<{ Params: { chat: string } }>): Promise<Chat> =>
    accept(await context.own.chat(request.getDecorator<Client>("client"), request.params.chat));
  const update = async (request: FastifyRequest<{ Params: { chat: string } }>, change: ChatUpdate) => {
    const client = request.getDecorator<Client>("client");
    const { tokenId: by, user, admin } = client;
    if (!(await context.own.isLive(client))) throw new RefusedError(REFUSALS.signedOut); // the body may have taken minutes
    const { id } = await find(request);
    // a link is given to whom may look
    if (client.chat !== undefined) throw new RefusedError(REFUSALS.forbidden);
    // what is true is looked at once more when it is written
    await context.store.chats.update(id, change, { by, ...(!admin && { owner: user }) });
    context.changed();
  };

  return async (http: HttpServer): Promise<void> => {
    http.decorateRequest("client");
    // before the body: whoever may not ask is refused, whatever they send
    http.addHook("onRequest", async (request) => {
      request.setDecorator("client", await clientOf(context, context.own, request));
    });
    http.get(
      "/chats",
      {
        schema: {
          hide,
          summary: "One's own chats, newest first",
          querystring: listSchema,
          response: { 200: z.array(chatSchema), ...callerErrors() },
        },
      },
      async (request) => {
        const client = request.getDecorator<Client>("client");
        const { limit, offset, archived } = request.query;
        const owner = client.admin ? undefined : client.user;
        const { chat } = client;
        const chats = await context.store.chats.page({ owner, chat, archived: archived === "true", limit, offset });
        const known = await activitiesOf(context, chats);
        return chats.map((chat) => showChat(known, chat, client));
      },
    );
    http.get(
      "/chats/:chat",
      {
        schema: { hide, summary: "A chat", params, response: { 200: chatSchema, ...callerErrors(404) } },
      },
      async (request) => {
        const chat = await find(request);
        return showChat(await activitiesOf(context, [chat]), chat, request.getDecorator<Client>("client"));
      },
    );
    http.get(
      "/chats/watch",
      {
        schema: { hide, summary: "What becomes of one's own chats (WebSocket)", response: callerErrors(426) },
      },
      async () => {
        throw new RefusedError(REFUSALS.upgradeRequired);
      },
    );
    http.patch(
      "/chats/:chat",
      {
        schema: {
          hide,
          summary: "Change a chat's title or labels, archive it, or bring it back",
          params,
          body: chatUpdateSchema,
          response: { 204: noContent, ...callerErrors(403, 404, ...OF_JSON_BODIES) },
        },
      },
      async (request, reply) => {
        await update(request, request.body);
        return reply.code(204).send(null);
      },
    );
    await http.register(archiveRoutes);
  };

  /** Apart from the rest, since they take no body: what comes as one is neither read nor judged. */
  async function archiveRoutes(http: HttpServer): Promise<void> {
    http.removeAllContentTypeParsers();
    http.addContentTypeParser("*", (_request, _payload, done) => done(null));
    for (const [name, archived] of [
      ["archive", true],
      ["unarchive", false],
    ] as const) {
      http.post(
        `/chats/:chat/${name}`,
        {
          schema: {
            hide,
            summary: archived ? "Archive a chat" : "Bring a chat back",
            params,
            response: { 204: noContent, ...callerErrors(403, 404, 415) },
          },
        },
        async (request, reply) => {
          await update(request, { archived });
          return reply.code(204).send(null);
        },
      );
    }
  }
}
