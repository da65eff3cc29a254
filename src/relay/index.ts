export { runRelay } from "./cli/cli.js";
export {
  bindChat,
  createToken,
  type Invitation,
  type Invited,
  invite,
  listChats,
  listTokens,
  revokeToken,
  unbindChat,
} from "./commands.js";
export type { NatsOptions } from "./nats-connection.js";
export { type RunningRelay, startRelay } from "./server.js";
export type { RelayOptions } from "./serving/relay-options.js";
export type { Chat, ChatBinding, NewToken, TokenEntry } from "./store/index.js";
export type { StorePlace } from "./store-place.js";
