export { Backoff, type BackoffOptions } from "./backoff.js";
export { coalesce } from "./coalesce.js";
export { command, commandGroup, stopSignal } from "./command.js";
export { describeError, ERROR_CODES, type ErrorCode, messageOf, systemCode, TreewireError } from "./errors.js";
export { createLogger, type Logger, silentLogger } from "./log.js";
export { LOG_LEVELS, type LogLevel } from "./log-level.js";
export { packagePath } from "./package.js";
export { reportError, runProgram } from "./program.js";
export {
  type EffectiveSetting,
  nearest,
  readSettingsFile,
  resolveSettings,
  type Setting,
  type SettingSource,
  variableOf,
} from "./settings.js";
export { Notifier } from "./systemd.js";
export { type Colors, colorsFor, paintDiff, printable } from "./terminal.js";
export { fixedToken, type TokenSource, tokenFile } from "./token.js";
export { homeDirectory, userId, userName } from "./user.js";
export { VERSION } from "./version.js";
