export type { FileMaskerOptions } from "./file-masker.js";
export { type FilteredFiles, SecretsFilter } from "./filter.js";
export { type PathLists, PathRules } from "./paths/path-rules.js";
export { MAX_TREEWIRE_FILE_BYTES, readTreewireFile, TREEWIRE_FILE } from "./paths/treewire-file.js";
export { LineScanner } from "./shapes/line-scanner.js";
export { loadPreset } from "./shapes/preset.js";
