import { serialize } from "cookie";
import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { isOwnOrigin, sessionCookie, sessionToken } from "../access/index.js";
import { accept, REFUSALS, RefusedError } from "../answers.js";
import type { HttpContext, HttpServer } from "./context.js";
import { callerErrors, errorResponses, OF_JSON_BODIES } from "./schemas.js";

/** How long a session lasts, in milliseconds. */
const SESSION_MS = 30 * 24 * 60 * 60 * 1000;

const MAX_SECRET = 4096;
const MAX_HOST_NAME = 255;

const secret = z.string().min(1).max(MAX_SECRET);
const keySchema = z.union([z.strictObject({ token: secret }), z.strictObject({ invite: secret })]);
const joinSchema = z.strictObject({ secret, hostname: z.string().max(MAX_HOST_NAME) });

/** A session that was made. */
interface Session {
  value: string;
  maxAgeMs: number;
  /** The chat that an invite leads to. */
  chat?: string;
}

/**
 * Signing in and out (docs/page.md): a browser trades a token or an invite for a session, which it keeps in a cookie that no
 * script can read. An agent trades its invite for a token. These routes stand at the relay's root alone. Here, and nowhere else, that cookie counts by itself on a request that
 * changes something; so a request from another site's page is refused, by its `Origin` and by its type.
 *
 * @param hasUpstream tokens are the upstream's: one is taken unjudged, and the upstream's next answer judges it
 */
export function sessionRoutes(context: HttpContext, hasUpstream: boolean) {
  const { store, admission, proxies } = context;

  /** Trades an invite. @throws RefusedError 401, which counts as a failure of the address */
  const redeem = async <T>(address: string, redeem: () => Promise<T | undefined>): Promise<T> => {
    if (hasUpstream) throw new RefusedError(REFUSALS.noInvites);
    const answer = await admission.admit<T>(address, async () => {
      const made = await redeem();
      return made === undefined ? { refusal: REFUSALS.inviteRejected } : { ok: made };
    });
    return accept(answer);
  };

  const signInByInvite = async (invite: string, address: string): Promise<Session> => {
    const end = new Date(Date.now() + SESSION_MS);
    const { token, chat } = await redeem(address, () => store.invites.view(invite, end));
    return { value: token, maxAgeMs: SESSION_MS, chat };
  };

  const signIn = async (token: string, address: string): Promise<Session> => {
    if (hasUpstream) return { value: token, maxAgeMs: SESSION_MS };
    const caller = accept(
      await admission.admit(address, async () => {
        const found = await store.tokens.verify(token);
        return found?.kind === "client" ? { ok: found, tokenId: found.tokenId } : { refusal: REFUSALS.signedOut };
      }),
    );
    const { user, admin, workspace, chat } = caller;
    const end = Math.min(Date.now() + SESSION_MS, caller.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY);
    const session = {
      kind: "client",
      user,
      admin,
      isSession: true,
      parent: caller.tokenId,
      expiresAt: new Date(end),
      ...(workspace !== undefined && { workspace }),
      ...(chat !== undefined && { chat }),
    } as const;
    return { value: await store.tokens.create(session), maxAgeMs: end - Date.now() };
  };

  /** The cookie's header. @param maxAgeMs 0: the browser forgets it */
  const setCookie = (request: FastifyRequest, value: string, maxAgeMs: number): string => {
    const host = proxies.host(request.raw);
    const { name, isLoopback } = sessionCookie(host);
    const maxAge = Math.ceil(maxAgeMs / 1000);
    return serialize(name, value, { httpOnly: true, sameSite: "strict", secure: !isLoopback, maxAge });
  };

  /** Apart from the other, since it takes no body: what comes as one is neither read nor judged. */
  const signOutRoute = async (http: HttpServer): Promise<void> => {
    http.removeAllContentTypeParsers();
    http.addContentTypeParser("*", (_request, _payload, done) => done(null));
    http.delete(
      "/session",
      {
        schema: {
          summary: "Sign out: the session of the cookie ends",
          response: { 204: z.null(), ...errorResponses(403, 415, 429) },
        },
      },
      async (request, reply) => {
        const token = sessionToken(request.headers, proxies.host(request.raw));
        if (token !== undefined && !hasUpstream && (await store.tokens.endSession(token))) context.changed();
        return withCookie(reply, setCookie(request, "", 0))
          .code(204)
          .send(null);
      },
    );
  };

  return async (http: HttpServer): Promise<void> => {
    http.addHook("onRequest", async (request) => {
      const type = request.headers["content-type"]?.split(";", 1)[0]?.trim().toLowerCase();
      if (type !== "application/json") throw new RefusedError(REFUSALS.unsupportedMediaType);
      const { origin } = request.headers;
      if (origin !== undefined && !isOwnOrigin(origin, proxies.host(request.raw))) {
        throw new RefusedError(REFUSALS.forbidden);
      }
    });
    http.post(
      "/session",
      {
        schema: {
          summary: "Sign in: trade a token, or an invite, for a session in a cookie",
          body: keySchema,
          response: {
            200: z.object({ chat: z.string().optional() }).describe("The cookie is set."),
            ...callerErrors(403, ...OF_JSON_BODIES),
          },
        },
      },
      async (request, reply) => {
        const { body, ip } = request;
        const session = "token" in body ? signIn(body.token, ip) : signInByInvite(body.invite, ip);
        const { value, maxAgeMs, chat } = await session;
        return withCookie(reply, setCookie(request, value, maxAgeMs)).send(chat === undefined ? {} : { chat });
      },
    );
    http.post(
      "/join",
      {
        schema: {
          summary: "Join: trade an agent's invite for the token of its workspace",
          body: joinSchema,
          response: {
            200: z.object({ token: z.string(), workspace: z.string(), chat: z.string(), relay: z.string() }),
            ...callerErrors(403, ...OF_JSON_BODIES),
          },
        },
      },
      async (request, reply) => {
        const { secret, hostname } = request.body;
        const joined = await redeem(request.ip, () => store.invites.join(secret));
        request.log.info({ workspace: joined.workspace, hostname }, "an agent has joined");
        return reply.header("Cache-Control", "no-store").send(joined);
      },
    );
    await http.register(signOutRoute);
  };
}

function withCookie(reply: FastifyReply, cookie: string): FastifyReply {
  return reply.headers({ "Set-Cookie": cookie, "Cache-Control": "no-store" });
}
