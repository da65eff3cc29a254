export { type Clock, systemClock } from "./clock.js";
export { coalesce } from "./coalesce.js";
export { answerAbout, COMPLETE } from "./command/about.js";
export { command, commandGroup, endParser, stopSignal } from "./command/command.js";
export { formatStat, type StatFile } from "./diff-stat.js";
export { makeDirectories, makeDirectoriesSync } from "./directories.js";
export {
  describeError,
  ERROR_CODES,
  type ErrorCode,
  isAbsent,
  isSystemError,
  messageOf,
  systemCode,
  TreewireError,
} from "./errors.js";
export * from "./link/browser.js";
export { Liveness } from "./link/liveness.js";
export { SendWindow } from "./link/send-window.js";
export { createLogger, type Logger, silentLogger } from "./log/log.js";
export { LOG_LEVELS, type LogLevel } from "./log/log-level.js";
export { standardLines } from "./log/standard-streams.js";
export { nearest } from "./nearest.js";
export { packagePath } from "./package.js";
export { hideLink, loadProgram, reportError, runProgram } from "./program.js";
export { type Reach, type ReachSettings, reach } from "./reach.js";
export { EmptyFileError, MAX_SETTINGS_FILE_BYTES, readRegularFile, readToEnd } from "./regular-file.js";
export { remoteWithoutCredentials, withoutCredentials } from "./secrets/credentials.js";
export { fixedToken, type TokenSource, tokenFile } from "./secrets/token.js";
export {
  configFiles,
  type EffectiveSetting,
  type EffectiveSettings,
  listOf,
  numberOf,
  readConfigFile,
  resolveSettings,
  type Setting,
  type SettingSource,
  type SettingsFile,
  type SettingsTable,
  textOf,
  variableOf,
} from "./settings.js";
export {
  argumentsError,
  badArguments,
  type KnownWords,
  noCommand,
  settingOptions,
  withSettings,
} from "./settings-command-line.js";
export { formatSettings, settingsJson } from "./settings-text.js";
export { Notifier } from "./systemd.js";
export { type Colors, colorsFor, paintDiff, printable } from "./terminal.js";
export { MAX_TIMER_MS, timerDelay } from "./timers.js";
export { homeDirectory, userId, userName } from "./user.js";
export { cacheDirectory, readCache, writeCache } from "./user-cache.js";
export { loadCached } from "./v8/code-cache.js";
export { collectOnceStarted, endSurely, keepHeapSmall } from "./v8/heap.js";
export { VERSION } from "./version.js";
