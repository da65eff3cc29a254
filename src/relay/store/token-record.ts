import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { Caller, NewToken, TokenEntry } from "./records.js";

const ID_BYTES = 8;
const SECRET_BYTES = 32;

/** `twa_` or `twc_`, the id, the secret. The id is no secret: it finds the record, and names the token in logs. */
const TOKEN_FORM = /^tw([ac])_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;

/** A session that was traded for a session, and so on, is looked at in as many steps at each request. */
const MAX_PARENTS = 8;

/**
 * What is kept of a token, whatever keeps it. A secret has 256 random bits, so one round of SHA-256 hides it: there is nothing to
 * guess, and a slow password hash would only cost every request.
 */
export interface TokenRecord {
  id: string;
  kind: "agent" | "client";
  /** SHA-256 of the secret. */
  hash: Uint8Array;
  workspace: string | undefined;
  /** Of an agent's: who owns the chats that come to be when it names them. */
  user: string | undefined;
  admin: boolean;
  /** Milliseconds since 1970, as the two below. */
  createdAt: number;
  expiresAt: number | undefined;
  revokedAt: number | undefined;
  /** The id of the token that it was traded for. */
  parent: string | undefined;
  isSession: boolean;
  chat: string | undefined;
}

/** Makes a token. @returns what is kept of it, and its text, which is not */
export function newTokenRecord(token: NewToken): { record: TokenRecord; text: string } {
  const id = randomBytes(ID_BYTES).toString("hex");
  const secret = randomBytes(SECRET_BYTES).toString("base64url");
  const client = token.kind === "client" ? token : undefined;
  const record = {
    id,
    kind: token.kind,
    hash: hashOf(secret),
    workspace: token.workspace,
    user: token.kind === "client" ? token.user : token.autoBind,
    admin: client?.admin === true,
    createdAt: Date.now(),
    expiresAt: token.expiresAt?.getTime(),
    revokedAt: undefined,
    parent: client?.parent,
    isSession: client?.isSession === true,
    chat: client?.chat,
  };
  return { record, text: `tw${letterOf(token)}_${id}_${secret}` };
}

/** The id in a token's text; "": it is none. */
export function tokenIdIn(text: string): string {
  return TOKEN_FORM.exec(text)?.[2] ?? "";
}

/** Whether a text is that of a token, in constant time. @param record what is kept under the text's id */
export function isTextOf(text: string, record: TokenRecord | undefined): record is TokenRecord {
  const [, letter = "", , secret = ""] = TOKEN_FORM.exec(text) ?? [];
  const matches = timingSafeEqual(hashOf(secret), record?.hash ?? hashOf(""));
  return record !== undefined && matches && letterOf(record) === letter;
}

/**
 * Whether a token counts: a session does as long as the token does that it was traded for, which may be a session itself. Yields
 * the id of each token above, and wants its record: who has that at once asks nobody, and others wait for it.
 */
export function* countingOf(record: TokenRecord | undefined): Generator<string, boolean, TokenRecord | undefined> {
  let at = record;
  for (let above = 0; above <= MAX_PARENTS; above += 1) {
    if (at === undefined || !isLive(at)) return false;
    if (at.parent === undefined) return true;
    at = yield at.parent;
  }
  return false;
}

/** Whom a token speaks for. */
export function callerOf(record: TokenRecord): Caller {
  const common = { tokenId: record.id, expiresAt: dateOf(record.expiresAt) };
  const { user, admin, workspace, chat } = record;
  if (record.kind === "agent") return { ...common, kind: "agent", workspace: workspace ?? "", autoBind: user };
  return { ...common, kind: "client", user: user ?? "", admin, workspace, chat };
}

/** A token as it is listed. */
export function entryOf(record: TokenRecord): TokenEntry {
  const { createdAt, revokedAt, isSession } = record;
  return { ...callerOf(record), createdAt: new Date(createdAt), revokedAt: dateOf(revokedAt), isSession };
}

/** What stands in a token's text for its kind: whoever sees one knows what it opens. */
function letterOf({ kind }: Pick<Caller, "kind">): string {
  return kind === "client" ? "c" : "a";
}

function isLive({ revokedAt, expiresAt }: TokenRecord): boolean {
  return revokedAt === undefined && (expiresAt === undefined || expiresAt > Date.now());
}

function dateOf(ms: number | undefined): Date | undefined {
  return ms === undefined ? undefined : new Date(ms);
}

function hashOf(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}
