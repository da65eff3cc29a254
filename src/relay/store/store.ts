import type { Readable } from "node:stream";
import type { SecretsMode } from "../../protocol/index.js";
import type { Soon } from "../soon.js";
import type { StoreHealth } from "./health.js";
import type {
  Caller,
  Changes,
  Chat,
  ChatBinding,
  ChatChange,
  ChatPage,
  FileEntry,
  FileScope,
  InviteKind,
  NamedChat,
  NewInvites,
  NewToken,
  Redeemed,
  StagedBlob,
  StoredTree,
  TokenEntry,
  TreeHead,
} from "./records.js";
import type { StoreTransfer } from "./transfer.js";

/**
 * Everything that a relay keeps, in whatever engine.
 *
 * - A write that is acknowledged is one call: it carries what has to hold, the store looks at that when it writes, and it does all
 *   of it or nothing. What was asked before may be different by then.
 * - An answer may take its time, and is of some moment between the question and its arrival. Whoever acts on one later compares
 *   {@link Store.version}, or what follows it, before and after.
 * - What the hub needs amid a message is fetched before (`prepare`), and what it says there is written behind.
 * - A store that does not answer rejects. It never says that there is nothing; {@link troubleOf} knows such an error, and callers
 *   hear 503 and come back.
 */
export interface Store {
  readonly tokens: Tokens;
  readonly invites: Invites;
  readonly chats: Chats;
  readonly files: ChatFiles;
  readonly chatRoots: ChatRoots;
  readonly treeStates: TreeStates;
  /** All that it keeps for good, to be moved to another store. */
  readonly transfer: StoreTransfer;
  /** Whether it takes writes at present. */
  readonly health: StoreHealth;
  /** A number that moves when somebody else (a command, another relay) has written. @throws when that is not known */
  version(): number;
  /**
   * Which tokens and chats have changed since the last call, by whomever; "all" when that is not known. Called again and again,
   * by one caller. @throws when it cannot be said now: nothing is lost by that
   */
  changes(): Changes | "all";
  /** Resolves when it answers. */
  check(): Promise<void>;
  /** Writes what waits, as far as the store takes it. @param isOver asked now and then: there is no more time */
  flush(isOver: () => boolean): Promise<void>;
  close(): Promise<void>;
}

/** For whom something is written. */
export interface OnBehalf {
  /** The id of the token of whoever asks for it: it has to count when that is written. Left out: the operator asks. */
  by?: string;
}

/** Why a write was not made, although the store takes writes. */
export type Unmet =
  /** Of {@link OnBehalf.by}. */
  | "token-ended"
  | "no-such-chat"
  /** A chat below another is archived with that. */
  | "not-root"
  | "already-archived"
  | "not-archived";

/** What a write was to depend on did not hold: nothing was written. */
export class PreconditionError extends Error {
  readonly unmet: Unmet;

  constructor(unmet: Unmet) {
    super(`nothing was written: ${unmet}`);
    this.unmet = unmet;
  }
}

export interface Tokens {
  /** Makes a token. @param token its ids are in lower case @returns its text, which is kept nowhere @throws PreconditionError */
  create(token: NewToken, options?: OnBehalf): Promise<string>;
  /** Whose token this is; `undefined`: it is unknown, expired or revoked. Compares in constant time. */
  verify(text: string): Promise<Caller | undefined>;
  /**
   * Whether a token that was verified before still counts. @returns at once where nobody has to be asked: then nothing comes between the
   * answer and what is done by it
   */
  isLive(tokenId: string): Soon<boolean>;
  /** Every token ever made, oldest first. */
  list(): Promise<TokenEntry[]>;
  /** Makes a token worthless for ever. @returns its entry; `undefined`: there is none @throws PreconditionError */
  revoke(tokenId: string, options?: OnBehalf): Promise<TokenEntry | undefined>;
  /** Ends the session that a text is the token of. @returns whether it is one that counted */
  endSession(text: string): Promise<boolean>;
  /** Whether an agent was ever given a token for the workspace, or is invited to fetch one: that is what makes it known. */
  knowsWorkspace(workspace: string): Promise<boolean>;
}

export interface Invites {
  /** Makes both. @param invites ids in lower case @returns their secrets, which are kept nowhere */
  create(invites: NewInvites): Promise<Record<InviteKind, string>>;
  /** Trades an agent's invite for a token of its workspace. @returns `undefined`: it is used, expired or unknown */
  join(secret: string): Promise<Redeemed | undefined>;
  /** Trades one use of an invite for people for a session, which sees its chat alone. @returns as {@link join} */
  view(secret: string, expiresAt: Date): Promise<Redeemed | undefined>;
}

/** Chats and their bindings. Ids are UUIDs in lower case, here and in what is asked. */
export interface Chats {
  get(id: string): Promise<Chat | undefined>;
  /**
   * Makes the chat when it is new, and binds it.
   *
   * @throws PreconditionError, TreewireError `TW_NO_SUCH_CHAT` when the parent is unknown, `TW_BAD_USAGE` when it is the chat or
   *   one of those below it
   */
  bind(binding: ChatBinding, options?: OnBehalf): Promise<Chat>;
  /**
   * Makes a chat that an agent names, if there is none of its id, and the workspace has fewer than it may.
   *
   * @returns whether it was made @throws PreconditionError
   */
  bindNamed(chat: NamedChat, options?: OnBehalf): Promise<boolean>;
  /** Every chat, or those of one owner, oldest first. */
  list(owner?: string): Promise<Chat[]>;
  /** A part of the chats, newest first. */
  page(options: ChatPage): Promise<Chat[]>;
  /** Takes a chat's binding away; the chat stays. @returns `undefined`: there is no such chat @throws PreconditionError */
  unbind(id: string, options?: OnBehalf): Promise<Chat | undefined>;
  /**
   * Changes a chat. `archived` is for root chats, and for those that are not so yet: those below follow.
   *
   * @param options `owner`: as long as it is theirs
   * @throws PreconditionError
   */
  update(id: string, change: ChatChange, options?: OnBehalf & { owner?: string }): Promise<void>;
}

/** Chat files: entries and bytes, which come and go together. */
export interface ChatFiles {
  /**
   * Takes a stream's bytes. Holds on to no chunk once it has asked for the next one.
   *
   * @param limit bytes
   * @throws BlobTooLargeError, or what the stream or the store throws; then nothing stays behind
   */
  stage(source: AsyncIterable<Uint8Array>, limit: number): Promise<StagedBlob>;
  /**
   * Keeps bytes and enters a file that has them. When this resolves, the file outlives a power cut; when it rejects, nothing stays
   * behind.
   *
   * @param options `entered`: called as soon as {@link usedBy} counts the file
   * @throws PreconditionError
   */
  add(blob: StagedBlob, file: Omit<FileEntry, "id">, options?: OnBehalf & { entered?: () => void }): Promise<FileEntry>;
  /** @param id in lower case */
  get(id: string): Promise<FileEntry | undefined>;
  /** A file's bytes; `undefined`: it has been taken away meanwhile. @throws a system error when they are missing */
  read(file: Pick<FileEntry, "id" | "digest">): Promise<Readable | undefined>;
  /** Takes a file away; its bytes go with the last file that has them. @returns whether it was there */
  remove(file: Pick<FileEntry, "id" | "digest">): Promise<boolean>;
  /** The files of an owner or an organization, as their budgets count them. In bytes. */
  usedBy(scope: FileScope, name: string): Promise<number>;
  /** All files, and those of the owner who has the most, as budgets count them. In bytes. */
  totals(): Promise<{ bytes: number; ofLargestOwner: number }>;
  /** How many bytes there is room for. */
  freeBytes(): Promise<number>;
  /** Whether the sweep asks others and hits no upload under way: then nobody waits for it. */
  readonly sweepsBeside: boolean;
  /**
   * Lets go of what interrupted uploads left behind. To be called before the first upload, unless it is done beside them.
   *
   * @param isOver asked now and then, where it is done beside: it need not go on
   */
  sweep(isOver?: () => boolean): Promise<void>;
}

/**
 * Which repositories a chat showed before: a client that comes back is sent those that are gone, as removed. What is asked counts
 * what was said and is not written yet; a power cut may lose that, and agents say it again.
 */
export interface ChatRoots {
  /** Has what a chat showed at hand, for those who ask amid a message. @returns `undefined`: it is */
  prepare(chat: string): Promise<void> | undefined;
  /** Says that these are the chat's repositories now, and no others. @param workspace whose chat it is at present */
  record(workspace: string, chat: string, present: readonly string[]): void;
  /** Says that one of the chat's repositories is gone. */
  bury(workspace: string, chat: string, root: string): void;
  /** The repositories that the chat had when it was last watched, ascending. */
  present(chat: string): string[];
  /**
   * The chat's repositories that vanished, as long as they are remembered, ascending.
   *
   * @returns as a rule the same array as long as it says the same; it is never changed
   */
  tombstones(chat: string): readonly string[];
  /** How many roots the chats of a workspace have and had. */
  rowCount(workspace: string): number;
}

/** The last state of each tree, for those who watch while its agent is away. A power cut may lose the latest. */
export interface TreeStates {
  /** Has a workspace's states at hand, for those who ask amid a message. @returns `undefined`: they are */
  prepare(workspace: string): Promise<void> | undefined;
  /**
   * @param isOutdated asked just before it is written: it is not to be any more, since the tree is gone or another relay's; a newer
   *   state is no reason, since one may come each time
   * @throws when it was not written: whoever holds the state tries again later, with the state of then
   */
  save(workspace: string, tree: StoredTree, isOutdated: () => boolean): Promise<void>;
  /** @returns `undefined` when nothing is kept, or what is kept cannot be read */
  load(workspace: string, root: string): StoredTree | undefined;
  /** Which states are kept of a workspace's trees. @param limit the newest so many */
  heads(workspace: string, limit: number): TreeHead[];
  /** The trees of a workspace whose states were sent by an agent that did something else with secrets in them. */
  rootsOtherThan(workspace: string, secrets: SecretsMode | undefined): string[];
  has(workspace: string, root: string): boolean;
  /** A tree is gone: at once for those who ask, and in the store when that takes it. */
  delete(workspace: string, root: string): void;
  /** How many trees of a workspace are kept. */
  rowCount(workspace: string): number;
  /** Lets go of the trees of which nothing was heard for long. */
  sweep(): void;
}
