export { runTreewire } from "./treewire.js";
