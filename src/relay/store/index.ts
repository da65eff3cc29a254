export type { StoreHealth, StoreState } from "./health.js";
export {
  BlobTooLargeError,
  type Caller,
  type Changes,
  type Chat,
  type ChatBinding,
  type ChatChange,
  type FileEntry,
  type FileScope,
  LEAST_FILE_BYTES,
  type NewInvites,
  type NewToken,
  type Redeemed,
  type StagedBlob,
  type StoredTree,
  type TokenEntry,
  type TreeHead,
} from "./records.js";
export { existingDirectory } from "./sqlite/directory.js";
export { SqliteStore } from "./sqlite/sqlite-store.js";
export {
  type ChatFiles,
  type ChatRoots,
  type Chats,
  type Invites,
  type OnBehalf,
  PreconditionError,
  type Store,
  type Tokens,
  type TreeStates,
  type Unmet,
} from "./store.js";
export type { TokenRecord } from "./token-record.js";
export type { InviteRecord, StoreTransfer, TransferItem, TransferRecord } from "./transfer.js";
export { type StoreTrouble, StoreUnavailableError, troubleOf } from "./trouble.js";
