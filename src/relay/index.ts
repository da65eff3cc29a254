export { runRelay } from "./cli/cli.js";
export { bindChat, createToken, listChats, listTokens, revokeToken, unbindChat } from "./commands.js";
export { type RelayOptions, type RunningRelay, startRelay } from "./server.js";
export type { Chat, ChatBinding, NewToken, TokenEntry } from "./store/index.js";
