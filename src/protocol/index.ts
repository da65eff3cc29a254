export * from "./client.js";
export * from "./close-codes.js";
export * from "./control.js";
export * from "./delta.js";
export * from "./limits.js";
export * from "./tree.js";
export * from "./tunnel.js";
export * from "./unified-diff.js";
