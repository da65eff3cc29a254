// The door for the library that runs in browsers: what of the protocol needs no package. zod alone would be ten times
// the rest of it.
export * from "./close-codes.js";
export * from "./comparison/comparison.js";
export * from "./delta.js";
export * from "./delta-reader.js";
export * from "./tree.js";
export * from "./unified-diff.js";
