import { z } from "zod";
import { type Reach, TreewireError } from "../../util/index.js";
import { dialError, postJson, speaksTls } from "../../util/link/index.js";
import { hashOf, type Session, Sessions } from "./sessions.js";

/** What is watched, and by which right. */
export interface Target {
  /** The relay's URL. */
  url: string;
  chat: string;
  token: string;
  /** Where the token has come from, when a link has made it. */
  session?: Session;
}

/** What the command line and the environment say of it. */
export interface TargetRequest {
  /** A link, a page's address, a chat's UUID; `undefined`: what was watched last. */
  what: string | undefined;
  /** The relay's URL. */
  url: string | undefined;
  /** The token that was given, if one was. */
  token: () => string | undefined;
  /** A secret may go over plain http. */
  isInsecure: boolean;
  reach: Reach;
  sessions?: Sessions;
}

/** How long the relay has to answer, in milliseconds. */
const LIMIT_MS = 15_000;
const LOOPBACK = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/;
const DAY_SECONDS = 24 * 60 * 60;

/**
 * Finds out what is to be watched. A link is traded for a session, which is kept: the same link, its chat, or nothing at all
 * finds it again.
 *
 * @throws TreewireError `TW_BAD_USAGE`, `TW_NO_TOKEN`, `TW_BAD_URL`, `TW_PLAIN_HTTP`, `TW_INVITE_REJECTED`, and those of
 *   dialling; none repeats a link's secret
 */
export async function findTarget(request: TargetRequest): Promise<Target> {
  const { what, url, token, sessions = new Sessions() } = request;
  const page = what === undefined ? undefined : readPage(what);
  if (page?.secret !== undefined) return byLink(page.relay, page.secret, { ...request, sessions });
  const relay = page?.relay ?? url;
  const chat = page === undefined ? what?.toLowerCase() : page.chat;
  const given = page?.token ?? token();
  if (given !== undefined && relay !== undefined && chat !== undefined) return { url: relay, chat, token: given };
  const session = sessions
    .list()
    .find(
      (each) =>
        (chat === undefined || each.chat === chat) && (relay === undefined || sameRelay(each.relay, relay)) && !given,
    );
  if (session !== undefined) return kept(session, sessions);
  const bad = (detail: string) => new TreewireError("TW_BAD_USAGE", "watch", { detail });
  if (chat === undefined) throw bad("give a link of `treewire relay invite`, or a chat's UUID with --url");
  if (relay === undefined) throw bad("give --url, or set TREEWIRE_URL");
  throw new TreewireError("TW_NO_TOKEN", "watch", { detail: "TREEWIRE_TOKEN is not set, and no link was opened here" });
}

interface Page {
  relay: string;
  chat?: string;
  /** Of an invite. */
  secret?: string;
  token?: string;
}

/** The address of a relay's page, with what stands behind `#`; `undefined`: it is no address. */
function readPage(text: string): Page | undefined {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return undefined;
  const { origin, pathname, hash } = new URL(text);
  if (hash.startsWith("#agent-")) {
    throw new TreewireError("TW_BAD_USAGE", "watch", { detail: "this link is for an agent: open the one with #view-" });
  }
  const [, path = pathname, chat] = /^(.*?)\/view\/([^/]+)\/?$/.exec(pathname) ?? [];
  const secret = /^#view-([\w-]+)$/.exec(hash)?.[1];
  const token = new URLSearchParams(hash.slice(1)).get("token");
  return {
    relay: `${origin}${path.replace(/\/+$/, "")}`,
    ...(chat !== undefined && { chat: decodeURIComponent(chat).toLowerCase() }),
    ...(secret !== undefined && { secret }),
    ...(token && { token }),
  };
}

async function byLink(
  relay: string,
  secret: string,
  { sessions, reach, isInsecure }: TargetRequest & { sessions: Sessions },
): Promise<Target> {
  const link = hashOf(secret);
  const known = sessions.list().find((each) => each.link === link && sameRelay(each.relay, relay));
  if (known !== undefined) return kept(known, sessions);
  const { protocol, hostname, host } = new URL(relay);
  if (protocol === "http:" && !LOOPBACK.test(hostname) && !isInsecure) throw new TreewireError("TW_PLAIN_HTTP", host);
  const session = { ...(await signIn(relay, secret, reach)), link, used_at: Date.now() };
  sessions.keep(session);
  return { url: relay, chat: session.chat, token: session.token, session };
}

async function signIn(relay: string, secret: string, reach: Reach): Promise<Omit<Session, "link" | "used_at">> {
  const url = new URL(`${relay}/session`);
  const { ok, failure } = await postJson(url, { invite: secret }, { ...reach, limitMs: LIMIT_MS });
  if (failure !== undefined) {
    if (url.protocol === "http:" && failure.step === "upgrade" && (await speaksTls(url))) {
      const detail = `this port speaks https; try https://${url.host}`;
      throw new TreewireError("TW_WRONG_SCHEME", relay, { detail });
    }
    throw dialError(url.host, failure, "TW_RELAY_NONSENSE");
  }
  const body = jsonIn(ok.text);
  const said = z.object({ message: z.string() }).safeParse(body).data?.message ?? `HTTP ${ok.status}`;
  if (ok.status === 401) throw new TreewireError("TW_INVITE_REJECTED", url.host, { detail: said });
  if (ok.status === 404) throw new TreewireError("TW_WRONG_PATH", relay);
  const { chat } = z.object({ chat: z.string().optional() }).safeParse(body).data ?? {};
  const cookie = String(ok.header("set-cookie") ?? "");
  const token = /^[^=;]+=([^;]+)/.exec(cookie)?.[1];
  if (ok.status !== 200 || chat === undefined || token === undefined) {
    throw new TreewireError("TW_RELAY_NONSENSE", url.host, { detail: said });
  }
  const seconds = Number(/;\s*Max-Age=(\d+)/i.exec(cookie)?.[1] ?? DAY_SECONDS);
  return { relay, chat, token, expires_at: Date.now() + seconds * 1_000 };
}

function kept(session: Session, sessions: Sessions): Target {
  sessions.keep({ ...session, used_at: Date.now() });
  return { url: session.relay, chat: session.chat, token: session.token, session };
}

function sameRelay(a: string, b: string): boolean {
  const normal = (text: string) =>
    (URL.canParse(text) ? new URL(text).href : text).replace(/^ws/, "http").replace(/\/+$/, "");
  return normal(a) === normal(b);
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // the caller says so
  }
}
