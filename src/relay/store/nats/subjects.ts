import { createHash } from "node:crypto";
import type { FileScope } from "../records.js";

/** What is an id by itself: nothing that means something in a subject. */
const PLAIN = /^[a-z0-9-]{1,64}$/;

/** The subjects of records: one message of each is kept, which is the record. */
export const recordSubjects = {
  token: (id: string) => subject("token", id),
  /** Written when a token is made worthless, so that everybody looks for the sessions that hang on it. */
  ended: (id: string) => subject("ended", id),
  session: (parent: string, id: string) => subject("session", parent, id),
  /** Whether an agent was given a token for a workspace, or is invited to fetch one. */
  known: (workspace: string) => subject("known", workspace),
  invite: (hash: string) => subject("invite", hash),
  chat: (id: string) => subject("chat", id),
  owner: (owner: string, chat: string) => subject("owner", owner, chat),
  child: (parent: string, chat: string) => subject("child", parent, chat),
  /** How many chats are bound to a workspace. */
  bound: (workspace: string) => subject("bound", workspace),
  file: (id: string) => subject("file", id),
  /** What the files of an owner or an organization use up. */
  use: (scope: FileScope, name: string) => subject("use", scope, name),
};

/** Subjects to list, with the id of a record as their last part. */
export const recordFilters = {
  tokens: "rec.token.*",
  ownersUse: "rec.use.owner.*",
  chats: "rec.chat.*",
  invites: "rec.invite.*",
  files: "rec.file.*",
  sessionsOf: (token: string) => `${subject("session", token)}.*`,
  chatsOf: (owner: string) => `${subject("owner", owner)}.*`,
  childrenOf: (chat: string) => `${subject("child", chat)}.*`,
};

/** Where a tree's last state is. */
export function treeSubject(workspace: string, root: string): string {
  return `tree.${part(workspace)}.${part(root)}`;
}

/** All trees of a workspace. */
export function treesOf(workspace: string): string {
  return `tree.${part(workspace)}.*`;
}

/** Where it is kept what a chat showed. */
export function rootsSubject(chat: string): string {
  return `roots.${part(chat)}`;
}

/** The id that a subject ends with. */
export function idIn(subject: string): string {
  return subject.slice(subject.lastIndexOf(".") + 1);
}

function subject(kind: string, ...names: string[]): string {
  return ["rec", kind, ...names.map(part)].join(".");
}

/** Names that people chose may be anything: their hash stands for them. A capital begins it, as no plain id does. */
function part(name: string): string {
  return PLAIN.test(name) ? name : `H${createHash("sha256").update(name).digest("hex")}`;
}
