export type { AgentLink, AgentState } from "./agent-session.js";
export { type Binding, Hub, type HubOptions } from "./hub.js";
export type { Outlet } from "./outlet.js";
export { QuestionError } from "./questions.js";
export { DeltaStream } from "./streams/delta-stream.js";
export { GitStream } from "./streams/git-stream.js";
export type { Frame } from "./streams/watch-stream.js";
export type { Viewer } from "./viewer.js";
export type { TreeCount, Workspace } from "./workspace.js";
