export { type TerminalOptions, watchInTerminal, watchUrl } from "./terminal.js";
export { watchCommand } from "./watch-command.js";
