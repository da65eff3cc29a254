import type { RecordStream } from "../record-stream.js";
import { idIn, recordFilters, recordSubjects } from "../subjects.js";
import type { Transaction } from "../transaction.js";
import { type ChatRecord, chatIn, putChat } from "./chat-record.js";

/** So many chats are written at once: NATS takes 1,000 messages, and some of them are not of chats. */
const AT_ONCE = 900;

/**
 * Archives a root chat and those below it, or takes them back out.
 *
 * A chat that is bound below one of them meanwhile writes that one too, so that this transaction is tried again with it. Where there
 * are more than may be written at once, those furthest below come first: a chat that is bound below one that is archived already
 * is so from its beginning.
 *
 * @returns the chats that are to be written before, in a transaction of their own; none: they all are in this one
 */
export async function archiveIn(
  stream: RecordStream,
  transaction: Transaction,
  root: ChatRecord,
  archived: boolean,
): Promise<string[]> {
  const { below, read } = await chatsBelow(stream, transaction, root);
  const due = [root, ...below.filter((chat) => chat.archived !== archived)];
  if (due.length > AT_ONCE) return due.slice(-AT_ONCE).map(({ id }) => id);
  const written = new Set(due.map(({ id }) => id));
  if (read.length >= AT_ONCE) {
    for (const id of read) if (!written.has(id)) transaction.release(recordSubjects.chat(id));
  }
  for (const chat of due) putChat(transaction, { ...chat, archived, updatedAt: Date.now() });
  return [];
}

/** @returns `below`: from above; `read`: their ids, and those of chats that were below lately */
async function chatsBelow(
  stream: RecordStream,
  transaction: Transaction,
  root: ChatRecord,
): Promise<{ below: ChatRecord[]; read: string[] }> {
  const below: ChatRecord[] = [];
  const read: string[] = [];
  for (let level = [root]; level.length > 0; ) {
    const parents = level.filter(({ children }) => children > 0).map(({ id }) => id);
    const listed = await Promise.all(parents.map((id) => stream.subjects(recordFilters.childrenOf(id))));
    const ids = [...new Set(listed.flat().map(idIn))];
    await transaction.load(ids.map(recordSubjects.chat));
    const chats = await Promise.all(ids.map((id) => chatIn(transaction, id)));
    const above = new Set(parents);
    level = chats.flatMap((chat) => (chat?.parent !== undefined && above.has(chat.parent) ? chat : []));
    below.push(...level);
    read.push(...ids);
  }
  return { below, read };
}
