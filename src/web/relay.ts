import type { Key } from "./place.js";

/** An answer of the relay that is no success. */
export interface Refused {
  /** 0: the relay was not reached. */
  status: number;
  /** In words. */
  message: string;
}

export interface ChatEntry {
  id: string;
  workspaceId: string | undefined;
  archived: boolean;
  createdAt: Date;
}

/** One side of a file that a diff has. */
export interface FileSide {
  /** Of the tree. */
  root: string;
  /** Of the file, as in the diff. */
  key: string;
  /** What the tree is compared with: a word of docs/comparisons.md. */
  compare: string;
  side: "old" | "new";
  /** The blob that the diff's header names; of another one nothing is answered. */
  oid: string;
}

/** Lines of a text, with their ends, and how many the whole has. */
export interface TextPart {
  text: string;
  count: number;
}

/** Where the relay is not reached, browsers do not say why. */
const CUT_OFF: Refused = { status: 0, message: "The relay is not reached." };

/** What the page asks of the relay besides the stream. Paths are relative to the relay's root. */
export class Relay {
  readonly root: URL;

  constructor(root: URL) {
    this.root = root;
  }

  /** Trades a token or an invite for a session, which the browser keeps as a cookie that no script can read. */
  async signIn(key: Key): Promise<Refused | { chat: string | undefined }> {
    const answer = await this.#ask("session", { method: "POST", body: JSON.stringify(key) });
    if ("message" in answer) return answer;
    const { chat } = answer.body as { chat?: unknown };
    return { chat: typeof chat === "string" ? chat : undefined };
  }

  async signOut(): Promise<void> {
    await this.#ask("session", { method: "DELETE" });
  }

  /** One's own chats, newest first. */
  async chats(): Promise<Refused | ChatEntry[]> {
    const answer = await this.#ask("api/v2/chats");
    if ("message" in answer) return answer;
    return Array.isArray(answer.body) ? answer.body.flatMap(readChat) : [];
  }

  /** Whether the chat may be watched: browsers do not tell a page why a WebSocket was refused. */
  async chat(id: string): Promise<Refused | ChatEntry> {
    const answer = await this.#ask(`api/v2/chats/${encodeURIComponent(id)}`);
    if ("message" in answer) return answer;
    return readChat(answer.body)[0] ?? { status: 502, message: "The relay's answer makes no sense." };
  }

  /** Why the stream of a chat is refused, in the relay's words; `undefined`: it is not. */
  async whyNoStream(id: string): Promise<Refused | undefined> {
    const answer = await this.#ask(`api/v2/chats/${encodeURIComponent(id)}/git/watch?stale=ok`);
    return "message" in answer && answer.status !== 426 ? answer : undefined;
  }

  /** Lines of a file, at most 2,000: those of the numbers `from` up to but without `to`. */
  async lines(chat: string, file: FileSide, from: number, to: number): Promise<Refused | TextPart> {
    const answer = await this.#askFile(chat, file, { from: String(from), to: String(to - 1) });
    if ("message" in answer) return answer;
    const count = Number(answer.headers.get("Treewire-Lines") ?? Number.NaN);
    if (!Number.isSafeInteger(count)) return { status: 415, message: "It is no text." };
    try {
      // a mark of the byte order is part of the first line, and not to be taken off
      return { text: new TextDecoder("utf-8", { ignoreBOM: true }).decode(await answer.arrayBuffer()), count };
    } catch {
      return CUT_OFF;
    }
  }

  /** An image whole, by the type that the relay has found it to have. */
  async image(chat: string, file: FileSide): Promise<Refused | Blob> {
    const answer = await this.#askFile(chat, file);
    if ("message" in answer) return answer;
    const type = answer.headers.get("Content-Type") ?? "";
    if (!type.startsWith("image/")) return { status: 415, message: "It is no image." };
    try {
      return new Blob([await answer.arrayBuffer()], { type });
    } catch {
      return CUT_OFF;
    }
  }

  async #askFile(chat: string, file: FileSide, more: Record<string, string> = {}): Promise<Refused | Response> {
    try {
      const query = new URLSearchParams({ ...file, ...more });
      const path = `api/v2/chats/${encodeURIComponent(chat)}/git/file?${query}`;
      const response = await fetch(new URL(path, this.root), { credentials: "same-origin" });
      return response.ok ? response : readRefused(response, await response.text());
    } catch {
      return CUT_OFF;
    }
  }

  async #ask(path: string, init: RequestInit = {}): Promise<Refused | { body: unknown }> {
    try {
      const headers = init.method === undefined ? {} : { "Content-Type": "application/json" };
      const response = await fetch(new URL(path, this.root), { ...init, headers, credentials: "same-origin" });
      const text = await response.text();
      return response.ok ? { body: text === "" ? {} : JSON.parse(text) } : readRefused(response, text);
    } catch (thrown) {
      return { status: 0, message: thrown instanceof Error ? thrown.message : String(thrown) };
    }
  }
}

/** @throws SyntaxError what refuses is no relay */
function readRefused({ status, statusText }: Response, text: string): Refused {
  const { message } = (text === "" ? {} : JSON.parse(text)) as { message?: unknown };
  return { status, message: typeof message === "string" ? message : statusText };
}

function readChat(value: unknown): ChatEntry[] {
  if (typeof value !== "object" || value === null) return [];
  const { id, workspace_id, archived, created_at } = value as Record<string, unknown>;
  if (typeof id !== "string") return [];
  return [
    {
      id,
      workspaceId: typeof workspace_id === "string" ? workspace_id : undefined,
      archived: archived === true,
      createdAt: new Date(String(created_at)),
    },
  ];
}
