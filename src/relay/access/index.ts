export { Admission } from "./admission.js";
export { type Authority, mayWatch } from "./authority.js";
export type { Answer, BoundChat, Calling, Client, Watchable } from "./client.js";
export { isOwnOrigin, sessionCookie, sessionToken } from "./credentials.js";
export { OwnAuthority, seesChat } from "./own.js";
export { type Upload, Uploads } from "./uploads.js";
export { UpstreamAuthority, type UpstreamOptions } from "./upstream.js";
