import type { IncomingMessage, ServerResponse } from "node:http";
import type { FastifyBaseLogger, FastifyInstance, FastifyRequest, RawServerDefault } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import type { Answer, Question } from "../../protocol/index.js";
import type { Admission, Authority, Client, OwnAuthority, Uploads } from "../access/index.js";
import { accept } from "../answers.js";
import type { Activity } from "../exchange/index.js";
import type { AgentState, Binding } from "../hub/index.js";
import type { Proxies } from "../proxies.js";
import type { Soon } from "../soon.js";
import type { Store } from "../store/index.js";

/** What the routes work with. */
export interface HttpContext {
  store: Store;
  /** Who may watch; the upstream's word in upstream mode. */
  authority: Authority;
  /** The store's word: on everything in own-store mode, on the admin API in both. */
  own: OwnAuthority;
  admission: Admission;
  uploads: Uploads;
  proxies: Proxies;
  /** The state of a workspace's agent, whichever relay it is connected to. */
  agentState: (workspace: string) => Soon<AgentState>;
  /** What is known of chats of a workspace, whichever relay its agent is connected to. */
  activity: (workspace: string, chats: readonly string[]) => Soon<Activity>;
  /** Asks a chat's agent. @throws QuestionError */
  ask: (chat: Binding, question: Question) => Promise<Answer>;
  /** Called when a route has changed who may do what: live sockets are looked at again. */
  changed: () => void;
}

/** A Fastify server whose schemas are zod's. */
export type HttpServer = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

/** The parameters after `?`. */
export function queryOf(request: Pick<FastifyRequest, "url">): URLSearchParams {
  const start = request.url.indexOf("?");
  return new URLSearchParams(start < 0 ? "" : request.url.slice(start + 1));
}

/** Whose token a plain request brings. @throws RefusedError */
export async function clientOf(
  { admission, proxies }: HttpContext,
  authority: Authority,
  request: Pick<FastifyRequest, "method" | "headers" | "url" | "ip" | "raw">,
): Promise<Client> {
  const { method, headers, ip, raw } = request;
  const calling = { method, headers, query: queryOf(request), host: proxies.host(raw), isUpgrade: false };
  return accept(await admission.identify(authority, calling, ip));
}
