// The door for the library that runs in browsers: what of the link to a relay needs neither Node.js nor a package.
export { Backoff, type BackoffOptions } from "./backoff.js";
export type { LinkFailure, LinkStep } from "./failure.js";
