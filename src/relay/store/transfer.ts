import type { Chat, FileEntry, InviteKind } from "./records.js";
import type { TokenRecord } from "./token-record.js";

/** An invite as it is kept: its secret's hash, and no secret. */
export interface InviteRecord {
  /** SHA-256 of the secret, hexadecimal. */
  hash: string;
  kind: InviteKind;
  workspace: string;
  chat: string;
  owner: string;
  relay: string;
  uses: number;
  /** Milliseconds since 1970. */
  expiresAt: number;
}

/** A record as every engine has it. Of each kind those that were made first come first. */
export type TransferRecord =
  | { kind: "token"; token: TokenRecord }
  | { kind: "invite"; invite: InviteRecord }
  /** `hasChildren`: others were bound below it. */
  | { kind: "chat"; chat: Chat; hasChildren: boolean };

/** A record, or a chat file with its bytes, which are to be read before the next one is asked for. */
export type TransferItem = TransferRecord | { kind: "file"; file: FileEntry; bytes: AsyncIterable<Uint8Array> };

/**
 * All that a store keeps for good, to be moved to another one. What chats showed and the last states of trees are not among it:
 * agents say them again.
 */
export interface StoreTransfer {
  /** Whether there is no token, no invite, no chat and no file. */
  isEmpty(): Promise<boolean>;
  /** Everything, while others may go on writing. Has names in memory, and one record, or one piece of a file. */
  read(): AsyncGenerator<TransferItem>;
  /** Writes all of them or none. What is there under the same id stays as it is. @param records in the order of {@link read} */
  write(records: readonly TransferRecord[]): Promise<void>;
  /**
   * Writes a file under its id. One that is there stays as it is.
   *
   * @param bytes read to their end in any case
   * @returns whether the bytes are those that the entry speaks of: their number, and their hash. Others are not kept
   */
  writeFile(file: FileEntry, bytes: AsyncIterable<Uint8Array>): Promise<boolean>;
  /** Called after the last record. */
  finish(): Promise<void>;
}
