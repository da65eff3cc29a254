export { bindChat, createToken } from "./commands.js";
export { type RelayOptions, type RunningRelay, startRelay } from "./server.js";
export type { Chat, ChatBinding, NewToken } from "./store/index.js";
export { type TerminalOptions, watchInTerminal, watchUrl } from "./terminal/index.js";
