export { ChangesTelling } from "./changes-telling.js";
export type { Channel } from "./channel.js";
export { DeltaTelling } from "./delta-telling.js";
export { Hub, type HubOptions } from "./hub.js";
export { TunnelLimitError } from "./pending-update.js";
export { type Frame, type Outlet, Viewer } from "./viewer.js";
export type { AgentLink, AgentStatus, Workspace } from "./workspace.js";
