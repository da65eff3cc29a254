import { type ClientRequest, type IncomingMessage, request as requestHttp, STATUS_CODES } from "node:http";
import { request as requestHttps } from "node:https";
import type { Socket } from "node:net";
import { type Duplex, pipeline } from "node:stream";
import { messageOf } from "../../util/index.js";
import { isOwnOrigin, readCredentials, withCoderCookie } from "../access/credentials.js";
import type { Admission, UpstreamOptions } from "../access/index.js";
import { type Limits, tokenDigest } from "../access/limits.js";
import { OF_RELAY, REFUSALS, type Refusal } from "../answers.js";
import type { ClientRates } from "../budgets/client-rates.js";
import type { Proxies } from "../proxies.js";
import type { RepeatedLog } from "../repeated-log.js";
import type { UpgradeRequest } from "../sockets/upgrade-request.js";
import { endToEnd } from "./end-to-end.js";
import { forwarding } from "./forwarded.js";
import { Passage } from "./passage.js";

export interface PassedUpgradeOptions {
  upstream: UpstreamOptions;
  /** Origins, beside the relay's own, whose pages may use their visitors' cookies. */
  allowedOrigins: readonly string[];
  admission: Admission;
  proxies: Proxies;
  limits: Limits;
  rates: ClientRates;
  /** For what the upstream causes. */
  log: RepeatedLog;
}

/** What the upstream said to an upgrade. */
type UpstreamAnswer =
  | { kind: "upgraded"; response: IncomingMessage; socket: Socket; head: Buffer }
  | { kind: "answered"; response: IncomingMessage }
  | { kind: "failed"; refusal: Refusal };

/** Passes upgrades at and below `/chats` on to the upstream, within the limits of the relay. */
export class PassedUpgrade {
  readonly #options: PassedUpgradeOptions;
  readonly #passages = new Set<Passage>();

  constructor(options: PassedUpgradeOptions) {
    this.#options = options;
  }

  /** Those that are open. */
  get passages(): readonly Passage[] {
    return [...this.#passages];
  }

  /**
   * @param isClosing asked whenever something was waited for: the relay may have begun to stop meanwhile
   * @returns the refusal, when nothing has been answered
   */
  async open({ request, socket, head, url }: UpgradeRequest, isClosing: () => boolean): Promise<Refusal | undefined> {
    const { admission, proxies, limits, rates, allowedOrigins } = this.#options;
    if (request.method !== "GET") return { ...REFUSALS.methodNotAllowed, headers: { Allow: "GET" } };
    if (request.headers.upgrade?.toLowerCase() !== "websocket") return REFUSALS.badRequest;
    const address = proxies.address(request); // later, the socket may be gone
    const headers = this.#headers(request);
    const { headers: asked, method } = request;
    const calling = { method, headers: asked, query: url.searchParams, host: proxies.host(request), isUpgrade: true };
    const credentials = readCredentials(calling, allowedOrigins);
    if (credentials.refusal?.status === REFUSALS.forbidden.status) return credentials.refusal;
    const caller = await admission.admit(address, async () => {
      // whether the token counts, and what is open to those who bring none, the upstream says
      const tokenId = credentials.ok === undefined ? undefined : tokenDigest(credentials.ok);
      return tokenId === undefined ? { ok: address } : { ok: tokenId, tokenId };
    });
    if (caller.refusal) return caller.refusal;
    if (isClosing()) return REFUSALS.goingAway;
    if (!limits.openSocket(caller.ok, socket)) return undefined; // nobody is there to be answered
    const answer = await this.#ask(request, socket, headers);
    if (answer.kind === "failed") return answer.refusal;
    const { response } = answer;
    if (socket.destroyed || isClosing()) {
      response.destroy();
      return socket.destroyed ? undefined : REFUSALS.goingAway;
    }
    if (answer.kind === "answered") {
      if (response.statusCode === 401) await admission.failed(address);
      socket.write(headOf(response, { Connection: "close" }));
      pipeline(response, socket, () => socket.destroy());
      return undefined;
    }
    socket.write(headOf(response, { Connection: "Upgrade", Upgrade: "websocket" }));
    const passage = new Passage({
      client: socket,
      upstream: answer.socket,
      clientHead: head,
      upstreamHead: answer.head,
      rate: rates.of(caller.ok),
      keepAliveMs: limits.options.pingIntervalMs,
    });
    this.#passages.add(passage);
    void passage.over.then(() => this.#passages.delete(passage));
    return undefined;
  }

  #headers(request: IncomingMessage): Record<string, string | string[]> {
    const { proxies, upstream, allowedOrigins } = this.#options;
    const host = proxies.host(request);
    const sayWhoCalls = forwarding(proxies, request);
    // no body goes with it
    const {
      host: _host,
      "content-length": _length,
      origin,
      ...headers
    } = sayWhoCalls(withCoderCookie(endToEnd(request.headers), host));
    const isOurs = origin !== undefined && (isOwnOrigin(origin, host) || allowedOrigins.includes(origin));
    return {
      ...(headers as Record<string, string | string[]>),
      // to the upstream, the relay is where its own pages come from
      ...(origin !== undefined && { origin: isOurs ? upstream.url.origin : origin }),
      connection: "Upgrade",
      upgrade: "websocket",
    };
  }

  #ask(request: IncomingMessage, client: Duplex, headers: Record<string, string | string[]>): Promise<UpstreamAnswer> {
    const { url, timeoutMs } = this.#options.upstream;
    const path = url.pathname.replace(/\/+$/, "") + (request.url ?? "");
    return new Promise((resolve) => {
      const send = url.protocol === "https:" ? requestHttps : requestHttp;
      const outgoing: ClientRequest = send(url.origin, { method: "GET", path, headers, agent: false });
      const gone = () => outgoing.destroy();
      client.once("close", gone);
      let isLate = false;
      const timer = setTimeout(() => {
        isLate = true;
        outgoing.destroy(new Error("no answer in time"));
      }, timeoutMs).unref();
      const answered = (answer: UpstreamAnswer) => {
        clearTimeout(timer);
        if (answer.kind === "failed") client.off("close", gone);
        resolve(answer);
      };
      outgoing.once("upgrade", (response, socket, head) => {
        socket.on("error", () => socket.destroy());
        answered({ kind: "upgraded", response, socket: socket as Socket, head });
      });
      outgoing.once("response", (response) => {
        response.setTimeout(timeoutMs, () => response.destroy());
        answered({ kind: "answered", response });
      });
      outgoing.on("error", (error) => {
        if (!client.destroyed) this.#options.log.warn(messageOf(error), { err: error }, "the upstream did not answer");
        answered({ kind: "failed", refusal: isLate ? REFUSALS.gatewayTimeout : REFUSALS.badGateway });
      });
      outgoing.once("close", () => answered({ kind: "failed", refusal: REFUSALS.badGateway }));
      outgoing.end();
    });
  }
}

/** The head of an upstream's answer, with what is for the hop to the client. */
function headOf(response: IncomingMessage, own: Record<string, string>): string {
  const status = response.statusCode ?? 502;
  const kept = Object.keys(endToEnd(response.headers));
  const lines: string[] = [];
  for (let at = 0; at < response.rawHeaders.length; at += 2) {
    const [name = "", value = ""] = response.rawHeaders.slice(at, at + 2);
    const isOurs = Object.keys(OF_RELAY).some((each) => each.toLowerCase() === name.toLowerCase());
    if (kept.includes(name.toLowerCase()) && !isOurs) lines.push(`${name}: ${value}\r\n`);
  }
  for (const [name, value] of Object.entries({ ...OF_RELAY, ...own })) lines.push(`${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Unknown"}\r\n${lines.join("")}\r\n`;
}
