import type { CleanFile } from "../../git/index.js";
import type { Stamp } from "../file-stamp.js";

/** The file is being read beside the passes; a later pass takes what is found. */
export class NotReadyError extends Error {
  constructor(readonly path: string) {
    super(`${path}: is being read`);
    this.name = "NotReadyError";
  }
}

/** What a reading has found, and the look at the file that was made before it. */
export interface ReadFile {
  readonly stamp: Stamp;
  readonly clean: CleanFile;
}
