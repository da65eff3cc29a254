export type { Channel } from "./channel.js";
export { Hub, type HubOptions } from "./hub.js";
export { DeltaStream } from "./streams/delta-stream.js";
export { GitStream } from "./streams/git-stream.js";
export { TunnelLimitError } from "./trees/pending-update.js";
export { type Frame, type Outlet, Viewer } from "./viewer.js";
export type { AgentLink, AgentState, Workspace } from "./workspace.js";
