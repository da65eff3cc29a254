export { LiveSockets } from "./live-sockets.js";
export { Upgrades } from "./upgrades.js";
