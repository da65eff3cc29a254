export { looksBinary } from "./binary.js";
export { configuredPattern } from "./configured-pattern.js";
export { DRIVER_NAMES, driverPattern } from "./drivers.js";
export { type ExactRenames, exactRenames } from "./exact-renames.js";
export { filePatch, patchWithoutContent, submoduleContent, unmergedLine } from "./file-patch.js";
export type { PatternSyntax } from "./posix-pattern.js";
export { quotePath } from "./quote.js";
export { detectRenames } from "./renames.js";
export type {
  DiffOptions,
  FilePatch,
  FilePatchOptions,
  FileSide,
  FunctionPattern,
  Rename,
  RenameOptions,
} from "./types.js";
export { unifiedHunks } from "./unified.js";
