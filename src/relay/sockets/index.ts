export { LiveSockets } from "./live-sockets.js";
export { Reconciler } from "./reconciler.js";
export { Upgrades } from "./upgrades.js";
