import { createHash, randomBytes, randomUUID } from "node:crypto";
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import type { Random } from "../support/random.js";

const PNG_HEAD = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
/** The largest upload, in bytes: many chunks, so that a kill falls between them. */
const MOST_BYTES = 1024 * 1024;
const CHUNK_BYTES = 32 * 1024;

/** Where the relay's HTTP calls go, and in whose name. */
export interface Calls {
  url: string;
  token: string;
}

export interface Uploaded {
  /** SHA-256, hexadecimal. */
  digest: string;
  size: number;
}

/** Uploads one file after the other, and remembers those that were acknowledged. */
export class Uploads {
  readonly acknowledged = new Map<string, Uploaded>();
  readonly #calls: Calls;
  readonly #random: Random;

  constructor(calls: Calls, random: Random) {
    this.#calls = calls;
    this.#random = random;
  }

  /** Goes on until told otherwise; what was broken off is nobody's fault. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const size = Math.round(100 * (MOST_BYTES / 100) ** this.#random.next());
      const bytes = Buffer.concat([PNG_HEAD, randomBytes(size)]);
      const id = await this.#upload(bytes, this.#random.chance(0.5)).catch(() => undefined);
      const digest = createHash("sha256").update(bytes).digest("hex");
      if (id !== undefined) this.acknowledged.set(id, { digest, size: bytes.length });
      await pause(this.#random.below(20));
    }
  }

  /** @param inChunks with pauses between them, and no word of its length @throws when it is broken off */
  async #upload(bytes: Buffer, inChunks: boolean): Promise<string> {
    const { url, token } = this.#calls;
    async function* chunks() {
      for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
        yield bytes.subarray(at, at + CHUNK_BYTES);
        await pause(1);
      }
    }
    const response = await fetch(`${url}/api/v2/chats/files?organization=${randomUUID()}`, {
      method: "POST",
      headers: { "Coder-Session-Token": token, "Content-Type": "image/png" },
      body: inChunks ? ReadableStream.from(chunks()) : bytes,
      duplex: "half",
    } as RequestInit);
    const body = await response.json();
    if (response.status !== 201) throw new Error(`status ${response.status}: ${JSON.stringify(body)}`);
    return z.object({ id: z.string() }).parse(body).id;
  }

  /** @returns what is wrong with an acknowledged file as the relay gives it out */
  async check(id: string): Promise<string[]> {
    const { url, token } = this.#calls;
    const response = await fetch(`${url}/api/v2/chats/files/${id}`, { headers: { "Coder-Session-Token": token } });
    const bytes = Buffer.from(await response.arrayBuffer());
    const digest = createHash("sha256").update(bytes).digest("hex");
    const wanted = this.acknowledged.get(id);
    if (response.status === 200 && digest === wanted?.digest) return [];
    return [`acknowledged file ${id}: status ${response.status}, ${bytes.length} of ${wanted?.size} bytes, ${digest}`];
  }
}

/** Archives a chat and brings it back, and remembers what was acknowledged. */
export class Archiving {
  /** What the chat may be: one state, or either while an answer is out. */
  #possible: readonly boolean[] = [false];
  acknowledged = 0;
  readonly #calls: Calls;
  readonly #chat: string;
  readonly #child: string;

  /** @param child a chat below it, which follows it at once */
  constructor(calls: Calls, chat: string, child: string) {
    this.#calls = calls;
    this.#chat = chat;
    this.#child = child;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const wanted = this.#possible[0] !== true;
      this.#possible = [true, false];
      const status = await this.#set(wanted).catch(() => 0);
      if (status === 204) {
        this.#possible = [wanted];
        this.acknowledged += 1;
      } else if (status === 400) this.#possible = [wanted]; // it was so already: an answer that was lost
      await pause(1);
    }
  }

  async #set(archived: boolean): Promise<number> {
    const { url, token } = this.#calls;
    const response = await fetch(`${url}/api/v2/chats/${this.#chat}/${archived ? "archive" : "unarchive"}`, {
      method: "POST",
      headers: { "Coder-Session-Token": token },
    });
    await response.arrayBuffer();
    return response.status;
  }

  /** @returns what is wrong with the chats as the relay has them */
  async check(): Promise<string[]> {
    const [root, child] = [await this.#archived(this.#chat), await this.#archived(this.#child)];
    const may = this.#possible;
    this.#possible = [root];
    if (root !== child) return [`the chat's archived is ${root}, its child's ${child}`];
    return may.includes(root) ? [] : [`the chat's archived is ${root}; acknowledged was ${may}`];
  }

  async #archived(chat: string): Promise<boolean> {
    const { url, token } = this.#calls;
    const response = await fetch(`${url}/api/v2/chats/${chat}`, { headers: { "Coder-Session-Token": token } });
    return z.object({ archived: z.boolean() }).parse(await response.json()).archived;
  }
}

/** Edits files of a working tree, so that there is always something to stream. */
export async function edit(root: string, random: Random, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    editOnce(root, random);
    await pause(random.below(30));
  }
}

export function editOnce(root: string, random: Random): void {
  appendFileSync(join(root, `file-${random.below(10)}`), `${randomBytes(8).toString("hex")}\n`);
}
