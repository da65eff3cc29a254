/** The door of the room: what others use of a repository on disk. Each is documented where it is declared. */
export type { FilterPolicy } from "./clean/clean-filter.js";
export type { CleanFile, LineCount, SlowReading } from "./clean/types.js";
export { WorkFileChangedError } from "./clean/work-file.js";
export { isAtOrBelow, realPathOf, refusal } from "./confinement.js";
export { decidingPaths, decidingSettings } from "./deciding-paths.js";
export { IndexTable } from "./index-file/index-table.js";
export type { EntryTable, IndexFile, SharedTable } from "./index-file/types.js";
export { absoluteFilePath, type BytePath, bytesOfText, fileSystemPath, textOfBytes } from "./io/byte-path.js";
export type { TreeEntry } from "./objects/git-object.js";
export type { Oid } from "./objects/object-id.js";
export type { Head } from "./refs/types.js";
export { openRepository } from "./repository.js";
export type { ConfiguredPattern, IgnoreDirectory } from "./rules/types.js";
export type { Repository, RepositoryPart, SubmoduleIgnore } from "./types.js";
export { linkedWorktrees } from "./worktrees.js";
