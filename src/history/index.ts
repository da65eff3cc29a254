/** The door of the room: what others ask of a repository's history. Each is documented where it is declared. */
export { type Commit, type CommitList, type CommitRange, commitsBetween, MAX_COMMITS } from "./commit-list.js";
export type { CommitText } from "./commit-text.js";
export { type Comparison, type ComparisonHints, type Problem, resolveComparison } from "./comparison.js";
export { type ChangedPath, changedPaths } from "./tree-changes.js";
