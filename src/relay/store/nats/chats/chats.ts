import { z } from "zod";
import { TreewireError } from "../../../../util/index.js";
import type { Chat, ChatBinding, ChatChange, ChatPage, NamedChat } from "../../records.js";
import { type Chats, type OnBehalf, PreconditionError } from "../../store.js";
import { orderNow } from "../order.js";
import { type OutageGrace, Remembered } from "../outage-grace.js";
import type { RecordStream } from "../record-stream.js";
import { idIn, recordFilters, recordSubjects } from "../subjects.js";
import { requireLive } from "../tokens.js";
import type { RecordWriter, Transaction } from "../transaction.js";
import { archiveIn } from "./chat-archive.js";
import { type ChatRecord, chatIn, chatOf, chatSchema, putChat } from "./chat-record.js";

/** So many chats may one workspace have before its agent makes no more of them. */
const MAX_NAMED_CHATS = 10_000;

const boundSchema = z.object({ chats: z.int() });

/** {@link Chats} as records that all relays share, with those of an owner and those below a chat under subjects of their own. */
export class NatsChats implements Chats {
  readonly #stream: RecordStream;
  readonly #writer: RecordWriter;

  readonly #remembered: Remembered<Chat>;
  /** Which chats have changed since each question that is not answered. */
  readonly #changed = new Set<Set<string>>();

  constructor(stream: RecordStream, writer: RecordWriter, grace: OutageGrace) {
    this.#stream = stream;
    this.#writer = writer;
    this.#remembered = new Remembered(grace, stream);
  }

  /** A chat has changed. */
  forget(id: string): void {
    for (const changed of this.#changed) changed.add(id);
    this.#remembered.forget(id);
  }

  async get(id: string): Promise<Chat | undefined> {
    const changed = new Set<string>();
    this.#changed.add(changed);
    try {
      const answer = await this.#remembered.ask(id, recordSubjects.chat(id));
      if ("remembered" in answer) return answer.remembered;
      if (answer.asked === null) return undefined;
      const chat = chatOf(chatSchema.parse(answer.asked));
      if (!changed.has(id)) this.#remembered.hear(id, chat);
      return chat;
    } finally {
      this.#changed.delete(changed);
    }
  }

  bind(binding: ChatBinding, options?: OnBehalf): Promise<Chat> {
    return this.#write(options?.by, (transaction) => bindIn(transaction, binding));
  }

  bindNamed(chat: NamedChat, options?: OnBehalf): Promise<boolean> {
    return this.#write(options?.by, async (transaction) => {
      if ((await chatIn(transaction, chat.chat)) !== undefined) return false;
      if ((await boundIn(transaction, chat.workspace)) >= MAX_NAMED_CHATS) return false;
      await bindIn(transaction, chat);
      return true;
    });
  }

  async list(owner?: string): Promise<Chat[]> {
    return (await this.#records(owner)).map(chatOf);
  }

  /** Reads all chats of the owner, or of everybody, for each part. */
  async page({ owner, chat, archived, limit, offset }: ChatPage): Promise<Chat[]> {
    const found = chat === undefined ? (await this.list(owner)).reverse() : [(await this.get(chat)) ?? []].flat();
    return found
      .filter((each) => each.archived === archived && (owner === undefined || each.owner === owner))
      .slice(offset, offset + limit);
  }

  unbind(id: string, options?: OnBehalf): Promise<Chat | undefined> {
    return this.#write(options?.by, async (transaction) => {
      const chat = await chatIn(transaction, id);
      if (chat === undefined) return undefined;
      await countIn(transaction, chat.workspace, undefined);
      const unbound = { ...chat, workspace: undefined, paths: [], base: "", updatedAt: Date.now() };
      putChat(transaction, unbound);
      return chatOf(unbound);
    });
  }

  async update(id: string, change: ChatChange, { owner, by }: OnBehalf & { owner?: string } = {}): Promise<void> {
    const { title, labels, archived } = change;
    for (;;) {
      const before = await this.#write(by, async (transaction) => {
        const chat = await chatIn(transaction, id);
        const isTheirs = chat !== undefined && (owner === undefined || chat.owner === owner);
        if (!isTheirs) throw new PreconditionError("no-such-chat");
        if (archived !== undefined) {
          if (chat.parent !== undefined) throw new PreconditionError("not-root");
          if (chat.archived === archived) throw new PreconditionError(archived ? "already-archived" : "not-archived");
          const first = await archiveIn(this.#stream, transaction, chat, archived);
          if (first.length > 0) return first;
        }
        if (title !== undefined || labels !== undefined) {
          const now = (await chatIn(transaction, id)) ?? chat;
          const described = { ...now, title: title ?? now.title, labels: labels ?? now.labels, updatedAt: Date.now() };
          putChat(transaction, described);
        }
        return [];
      });
      if (before.length === 0) return;
      await this.#archiveFirst(before, archived === true, by);
    }
  }

  /** @param chats of a root whose chats are too many to change at once */
  #archiveFirst(chats: readonly string[], archived: boolean, by: string | undefined): Promise<void> {
    return this.#write(by, async (transaction) => {
      await transaction.load(chats.map(recordSubjects.chat));
      for (const id of chats) {
        const chat = await chatIn(transaction, id);
        if (chat !== undefined) putChat(transaction, { ...chat, archived, updatedAt: Date.now() });
      }
    });
  }

  /** @param by as in {@link OnBehalf} */
  #write<T>(by: string | undefined, job: (transaction: Transaction) => Promise<T>): Promise<T> {
    return this.#writer.write(async (transaction) => {
      await requireLive(transaction, by);
      return job(transaction);
    });
  }

  /** Oldest first. */
  async #records(owner?: string): Promise<ChatRecord[]> {
    const listed = await this.#stream.subjects(
      owner === undefined ? recordFilters.chats : recordFilters.chatsOf(owner),
    );
    const found = await this.#stream.getMany(listed.map((subject) => recordSubjects.chat(idIn(subject))));
    return [...found.values()]
      .map(({ value }) => chatSchema.parse(value))
      .filter((chat) => owner === undefined || chat.owner === owner)
      .sort((a, b) => a.createdAt - b.createdAt || a.order - b.order);
  }
}

/**
 * Enters a chat as it is, unless one of its id is there. It has no parent when that is below it.
 *
 * @param hasChildren whether others were bound below it, or are there already @returns the ids of the chats above it, which were read
 */
export async function enterChat(
  transaction: Transaction,
  chat: Chat,
  hasChildren: boolean,
): Promise<ReadonlySet<string>> {
  if ((await chatIn(transaction, chat.id)) !== undefined) return new Set();
  const above = chat.parent === undefined ? new Set<string>() : await chatsAbove(transaction, chat.parent);
  const parent = above.has(chat.id) ? undefined : chat.parent;
  const { createdAt, updatedAt, paths, labels, ...rest } = { ...chat, parent };
  const times = { createdAt: createdAt.getTime(), updatedAt: updatedAt.getTime(), order: orderNow() };
  putChat(transaction, { ...rest, ...times, paths: [...paths], labels: { ...labels }, children: hasChildren ? 1 : 0 });
  await countIn(transaction, undefined, chat.workspace);
  if (chat.owner !== undefined) transaction.put(recordSubjects.owner(chat.owner, chat.id), {});
  if (parent !== undefined) await enterBelow(transaction, parent, chat.id);
  return above;
}

/** The chat above may say that there is nothing below it, or not be there yet: archiving it has to find this one. */
async function enterBelow(transaction: Transaction, parentId: string, id: string): Promise<void> {
  transaction.put(recordSubjects.child(parentId, id), {});
  const parent = await chatIn(transaction, parentId);
  if (parent !== undefined) putChat(transaction, { ...parent, children: parent.children + 1 });
}

async function bindIn(transaction: Transaction, binding: ChatBinding): Promise<Chat> {
  const { chat: id, parent: parentId, workspace } = binding;
  const before = await chatIn(transaction, id);
  const parent = parentId === undefined ? undefined : await chatIn(transaction, parentId);
  if (parentId !== undefined && parent === undefined)
    throw new TreewireError("TW_NO_SUCH_CHAT", `--parent ${parentId}`);
  if (parentId !== undefined && (await chatsAbove(transaction, parentId)).has(id)) {
    throw new TreewireError("TW_BAD_USAGE", `--parent ${parentId}`, { detail: "a chat cannot be its own parent" });
  }
  await countIn(transaction, before?.workspace, workspace);
  const now = Date.now();
  const chat: ChatRecord = {
    ...{ id, title: "", labels: {}, createdAt: now, order: orderNow(), children: 0 },
    ...before,
    owner: binding.owner ?? before?.owner ?? parent?.owner,
    workspace,
    paths: [...(binding.paths ?? [])],
    base: binding.base ?? "",
    parent: parentId ?? before?.parent,
    archived: (before ?? parent)?.archived ?? false,
    updatedAt: now,
  };
  putChat(transaction, chat);
  if (chat.owner !== before?.owner) {
    if (before?.owner !== undefined) transaction.delete(recordSubjects.owner(before.owner, id));
    if (chat.owner !== undefined) transaction.put(recordSubjects.owner(chat.owner, id), {});
  }
  if (parent !== undefined && parent.id !== before?.parent) {
    if (before?.parent !== undefined) transaction.delete(recordSubjects.child(before.parent, id));
    transaction.put(recordSubjects.child(parent.id, id), {});
    // written, so that nobody archives it without this one
    putChat(transaction, { ...parent, children: parent.children + 1 });
  }
  return chatOf(chat);
}

/** How many chats are bound to a workspace. */
async function boundIn(transaction: Transaction, workspace: string): Promise<number> {
  return (await transaction.get(recordSubjects.bound(workspace), boundSchema))?.chats ?? 0;
}

/** A chat goes from one workspace to another. */
async function countIn(transaction: Transaction, from: string | undefined, to: string | undefined): Promise<void> {
  if (from === to) return;
  const moves = [
    { workspace: from, by: -1 },
    { workspace: to, by: 1 },
  ];
  for (const { workspace, by } of moves) {
    if (workspace === undefined) continue;
    transaction.put(recordSubjects.bound(workspace), { chats: (await boundIn(transaction, workspace)) + by });
  }
}

/** A chat's id and those of all above it. Each is read once: this ends in a store that holds a circle, too. */
async function chatsAbove(transaction: Transaction, id: string): Promise<Set<string>> {
  const above = new Set<string>();
  for (let at: string | undefined = id; at !== undefined && !above.has(at); ) {
    above.add(at);
    at = (await chatIn(transaction, at))?.parent;
  }
  return above;
}
