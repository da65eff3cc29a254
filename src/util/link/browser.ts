// The door for the library that runs in browsers: what of the link to a relay needs neither Node.js nor a package.
export { type Clock, systemClock } from "../clock.js";
export * from "./answer.js";
export { Backoff, type BackoffOptions } from "./backoff.js";
export type { LinkFailure, LinkStep } from "./failure.js";
export type { CountedStream } from "./liveness.js";
export { type LinkAttempt, LinkLoop, type LinkLoopOptions, type NextTry, REFUSAL_GRACE_MS } from "./loop.js";
export { type Attempt, RetryDelay } from "./retry-delay.js";
export { CLIENT_PING_MS, SILENCE_MS, type SilenceOptions, watchSilence } from "./silence.js";
