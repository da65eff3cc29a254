export type { Channel } from "./channel.js";
export { Hub, type HubOptions } from "./hub.js";
export { TunnelLimitError } from "./pending-update.js";
export { ChangesTelling, DeltaTelling } from "./telling.js";
export { type Frame, type Outlet, Viewer } from "./viewer.js";
export type { AgentLink, AgentStatus, Workspace } from "./workspace.js";
