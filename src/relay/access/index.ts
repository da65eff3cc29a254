export { Admission } from "./admission.js";
export {
  type Answer,
  type Authority,
  type Calling,
  type Client,
  mayWatch,
  type Watchable,
  type WatchedChat,
} from "./authority.js";
export { OwnAuthority } from "./own.js";
export { UpstreamAuthority, type UpstreamOptions } from "./upstream.js";
