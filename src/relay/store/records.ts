import type { SecretsMode, TreeFile, TreeMeta } from "../../protocol/index.js";

/** Who a token speaks for. */
export type Caller =
  | {
      kind: "agent";
      tokenId: string;
      workspace: string;
      /** Set: chats that its agent names come to be by themselves, owned by this user. */
      autoBind: string | undefined;
      expiresAt: Date | undefined;
    }
  | {
      kind: "client";
      tokenId: string;
      user: string;
      /** Sees every chat. */
      admin: boolean;
      /** Set: sees trees of this workspace alone. */
      workspace: string | undefined;
      /** Set: sees this chat alone, of all that its user has. */
      chat: string | undefined;
      expiresAt: Date | undefined;
    };

/** A token as it is listed: everything but its secret, which is not here. */
export type TokenEntry = Caller & { createdAt: Date; revokedAt: Date | undefined; isSession: boolean };

export type NewToken = {
  expiresAt?: Date;
} /** `autoBind`: who owns the chats that come to be when the agent names them. */ & (
  | { kind: "agent"; workspace: string; autoBind?: string }
  /**
   * `isSession`: made by signing in, and ended by signing out. `parent`: the id of the token that it was traded for; it counts as
   * long as that one does. `chat`: in lower case.
   */
  | {
      kind: "client";
      user: string;
      admin?: boolean;
      workspace?: string;
      chat?: string;
      isSession?: boolean;
      parent?: string;
    }
);

/** What an invite leads to: an agent's token for a workspace, or a session that watches its chat. */
export type InviteKind = "agent" | "view";

/** What two invites are made for: one for the workspace's agent, one for people. */
export interface NewInvites {
  workspace: string;
  /** The chat that the link for people opens. */
  chat: string;
  /** Whom a session speaks for. */
  owner: string;
  /** The relay's URL, as it is reached. */
  relay: string;
  expiresAt: Date;
  /** How many sessions the link for people makes. */
  uses: number;
}

/** What somebody was given for an invite. */
export interface Redeemed {
  token: string;
  workspace: string;
  chat: string;
  relay: string;
}

/** A chat and what it is bound to. */
export interface Chat {
  id: string;
  /** The user who may see it; `undefined`: admins alone. */
  owner: string | undefined;
  /** The workspace whose trees it shows; `undefined`: unbound. */
  workspace: string | undefined;
  /** Absolute paths in the workspace; none: every repository that the agent finds. */
  paths: readonly string[];
  /** The ref that is the base of its trees (docs/comparisons.md); "": the agent finds it. */
  base: string;
  /** The chat that this one belongs to. */
  parent: string | undefined;
  /** What people call it; "": nothing. */
  title: string;
  labels: Readonly<Record<string, string>>;
  archived: boolean;
  createdAt: Date;
  updatedAt: Date;
}

export interface ChatBinding {
  chat: string;
  workspace: string;
  /** Left out: as before, or the parent's. */
  owner?: string;
  /** Left out: every repository that the agent finds. */
  paths?: readonly string[];
  /** Left out: the agent finds it. */
  base?: string;
  /** Left out: as before. */
  parent?: string;
}

/** A chat that an agent names. */
export type NamedChat = Required<Pick<ChatBinding, "chat" | "workspace" | "owner">>;

/** What its owner changes of a chat. Left out: as before. */
export interface ChatChange {
  title?: string;
  /** All of them: what is not among them goes. */
  labels?: Readonly<Record<string, string>>;
  archived?: boolean;
}

/** A part of the chats. */
export interface ChatPage {
  /** Of whom; left out: everybody's. */
  owner?: string | undefined;
  /** That one alone, in lower case. */
  chat?: string | undefined;
  /** Those that are archived, or those that are not. */
  archived: boolean;
  limit: number;
  offset: number;
}

/** What is known of a chat file besides its bytes. */
export interface FileEntry {
  id: string;
  organization: string;
  /** The user who uploaded it, and who may read it. */
  owner: string;
  /** At most 255 bytes of UTF-8; may be empty. */
  name: string;
  /** As sniffed from the bytes. */
  type: string;
  /** In bytes. */
  size: number;
  /** SHA-256 of the bytes, hexadecimal: their address. */
  digest: string;
}

/**
 * A file uses up a block of the file system, and a row, however small it is: this many bytes of its owner's and its
 * organization's budget at least. The migration that counts files (sqlite/database.ts) has the same number.
 */
export const LEAST_FILE_BYTES = 4_096;

/** Who has a budget for files. */
export type FileScope = "owner" | "organization";

/** Bytes that the store has but that have no address yet. */
export interface StagedBlob {
  /** SHA-256, hexadecimal. */
  digest: string;
  size: number;
  /** The first bytes, for sniffing. */
  head: Buffer;
  /** Gives them their address. When this resolves, they outlive a power cut. */
  commit(): Promise<void>;
  /** Lets nothing of them stay behind. Does nothing after a commit. */
  discard(): Promise<void>;
}

/** The stream had more bytes than it may. */
export class BlobTooLargeError extends Error {}

/** Names a state of a tree. */
export interface TreeHead {
  root: string;
  epoch: string;
  seq: number;
}

/** A tree as it is kept: what a client could be shown, and where its agent may go on. */
export interface StoredTree extends TreeHead {
  meta: TreeMeta;
  /** Ascending by key. */
  files: readonly TreeFile[];
  /** What its agent did with secrets in it; `undefined`: nobody knows. */
  secrets?: SecretsMode | undefined;
}

/** Ids of what has changed. */
export interface Changes {
  tokens: ReadonlySet<string>;
  chats: ReadonlySet<string>;
}
