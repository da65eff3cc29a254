import type { TreeFile } from "../../../src/protocol/index.js";

/** What a scripted thread does once: it posts a state, or dies, or says that the tree is gone. */
export type Act =
  | "die"
  | "gone"
  | "nothing"
  | {
      readonly whole: boolean;
      readonly branch: string;
      /** Key → the file, or `null` where it goes. */
      readonly changes: readonly (readonly [key: string, file: TreeFile | null])[];
    };
