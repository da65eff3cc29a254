import { createHash } from "node:crypto";
import { fileEntrySchema } from "../file-intake.js";
import type { FileEntry } from "../records.js";
import type { StoreTransfer, TransferItem, TransferRecord } from "../transfer.js";
import type { BlobStream } from "./blobs.js";
import { chatOf, chatSchema } from "./chats/chat-record.js";
import { enterChat } from "./chats/chats.js";
import { enterFile } from "./files.js";
import { enterInvite, inviteSchema } from "./invites.js";
import type { RecordStream, StoredRecord } from "./record-stream.js";
import { idIn, recordFilters, recordSubjects } from "./subjects.js";
import { enterToken, tokenSchema } from "./tokens.js";
import type { RecordWriter, Transaction } from "./transaction.js";

/** So many records are read at once. */
const MANY = 200;
/** So many chats above those of one write have to be still as they were read: NATS takes 1,000 messages at once. */
const MAX_GUARDED = 300;

/** When a record was made. */
interface Made {
  createdAt: number;
  order: number;
}

/** {@link StoreTransfer} of what relays share. */
export class NatsTransfer implements StoreTransfer {
  readonly #stream: RecordStream;
  readonly #writer: RecordWriter;
  readonly #blobs: BlobStream;

  constructor(stream: RecordStream, writer: RecordWriter, blobs: BlobStream) {
    this.#stream = stream;
    this.#writer = writer;
    this.#blobs = blobs;
  }

  async isEmpty(): Promise<boolean> {
    const { tokens, invites, chats, files } = recordFilters;
    for (const filter of [tokens, invites, chats, files]) {
      for await (const [, { value }] of this.#records(await this.#stream.subjects(filter))) {
        if (value !== null) return false;
      }
    }
    return true;
  }

  async *read(): AsyncGenerator<TransferItem> {
    for await (const record of this.#inOrder(recordFilters.tokens, (value) => tokenSchema.parse(value))) {
      yield { kind: "token", token: record };
    }
    for await (const [subject, { value }] of this.#records(await this.#stream.subjects(recordFilters.invites))) {
      const invite = value === null ? undefined : { hash: idIn(subject), ...inviteSchema.parse(value) };
      if (invite !== undefined && invite.expiresAt > Date.now()) yield { kind: "invite", invite };
    }
    for await (const record of this.#inOrder(recordFilters.chats, (value) => chatSchema.parse(value))) {
      yield { kind: "chat", chat: chatOf(record), hasChildren: record.children > 0 };
    }
    for await (const [, { value }] of this.#records(await this.#stream.subjects(recordFilters.files))) {
      const file = value === null ? undefined : fileEntrySchema.parse(value);
      if (file !== undefined) yield { kind: "file", file, bytes: this.#blobs.read(file.id, file.size) };
    }
  }

  async write(records: readonly TransferRecord[]): Promise<void> {
    await this.#writer.write(async (transaction) => {
      await transaction.load(records.map(subjectOf));
      const parents = await this.#parentsIn(records);
      const above = new Set<string>();
      for (const record of records) {
        for (const chat of await enter(transaction, record, parents)) above.add(chat);
      }
      if (above.size > MAX_GUARDED) for (const chat of above) transaction.release(recordSubjects.chat(chat));
    });
  }

  async writeFile(file: FileEntry, bytes: AsyncIterable<Uint8Array>): Promise<boolean> {
    const isThere = (await this.#stream.get(recordSubjects.file(file.id))).value !== null;
    const writer = isThere ? undefined : this.#blobs.writer(file.id);
    const hash = createHash("sha256");
    let size = 0;
    let isKept = false;
    try {
      for await (const chunk of bytes) {
        size += chunk.length;
        hash.update(chunk);
        await writer?.write(chunk);
      }
      if (size !== file.size || hash.digest("hex") !== file.digest) return false;
      await writer?.end();
      if (writer !== undefined) await this.#writer.write((transaction) => enterFile(transaction, file));
      isKept = true;
      return true;
    } finally {
      if (!isKept && writer !== undefined) await this.#blobs.delete(file.id);
    }
  }

  async finish(): Promise<void> {}

  /** The ids of chats that have others below them: in what is to be written, or from what was written before. */
  async #parentsIn(records: readonly TransferRecord[]): Promise<ReadonlySet<string>> {
    const chats = records.filter((record) => record.kind === "chat");
    const parents = new Set<string>();
    for (const { chat, hasChildren } of chats) {
      if (hasChildren) parents.add(chat.id);
      if (chat.parent !== undefined) parents.add(chat.parent);
    }
    const others = chats.map(({ chat }) => chat.id).filter((id) => !parents.has(id));
    const listed = await Promise.all(others.map((id) => this.#stream.subjects(recordFilters.childrenOf(id))));
    for (const [at, id] of others.entries()) if (listed[at]?.length) parents.add(id);
    return parents;
  }

  /** Records, a part at a time. @param subjects of which some may have none any more */
  async *#records(subjects: readonly string[]): AsyncGenerator<[string, StoredRecord]> {
    for (let from = 0; from < subjects.length; from += MANY) {
      const part = subjects.slice(from, from + MANY);
      const found = await this.#stream.getMany(part);
      for (const subject of part) yield [subject, found.get(subject) ?? { revision: 0, value: null }];
    }
  }

  /** Records, those that were made first first: which those are is read before they are. */
  async *#inOrder<T extends Made>(filter: string, parse: (value: unknown) => T): AsyncGenerator<T> {
    const made: (Made & { subject: string })[] = [];
    for await (const [subject, { value }] of this.#records(await this.#stream.subjects(filter))) {
      if (value === null) continue;
      const { createdAt, order } = parse(value);
      made.push({ subject, createdAt, order });
    }
    made.sort((a, b) => a.createdAt - b.createdAt || a.order - b.order);
    for await (const [, { value }] of this.#records(made.map(({ subject }) => subject))) {
      if (value !== null) yield parse(value);
    }
  }
}

function subjectOf(record: TransferRecord): string {
  if (record.kind === "token") return recordSubjects.token(record.token.id);
  if (record.kind === "invite") return recordSubjects.invite(record.invite.hash);
  return recordSubjects.chat(record.chat.id);
}

/** @returns the ids of the chats that were read because they are above */
async function enter(
  transaction: Transaction,
  record: TransferRecord,
  parents: ReadonlySet<string>,
): Promise<Iterable<string>> {
  if (record.kind === "chat") return enterChat(transaction, record.chat, parents.has(record.chat.id));
  if (record.kind === "token") await enterToken(transaction, record.token);
  else await enterInvite(transaction, record.invite);
  return [];
}
