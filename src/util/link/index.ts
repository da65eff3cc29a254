// The door to what needs Node.js of the link to a relay. Browsers never load it.
export { type Address, AddressBook, type Lookup } from "./addresses.js";
export { type DialOptions, type DialSettings, dialWebSocket } from "./dial.js";
export { type DialFailure, dialError, dialWords, type FailureKind, withoutPlace } from "./dial-failure.js";
export type { LinkFailure, LinkStep } from "./failure.js";
export { type Posted, postJson } from "./post.js";
export { speaksTls } from "./speaks-tls.js";
