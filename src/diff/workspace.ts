import { ByteWriter } from "./byte-writer.js";
import { EditGraph } from "./edit-graph.js";
import { LineClasses } from "./line-classes.js";
import { Text } from "./text.js";

/** A workspace that has grown for longer files than this is not kept: it would hold more than about 20 MB. */
const MAX_KEPT_LINES = 1 << 17;
const MAX_KEPT_BYTES = 1 << 22;

/** The arrays that comparing two files takes, kept from one comparison to the next. */
export class Workspace {
  readonly before = new Text();
  readonly after = new Text();
  readonly classes = new LineClasses();
  readonly graph = new EditGraph();
  readonly writer = new ByteWriter();

  /** Lets go of the files. */
  clear(): void {
    this.before.clear();
    this.after.clear();
    this.writer.clear();
  }

  get isLarge(): boolean {
    // what else there is grows with the lines of both
    const lines = Math.max(this.before.capacity, this.after.capacity);
    return lines > MAX_KEPT_LINES || this.writer.capacity > MAX_KEPT_BYTES;
  }
}

let idle: Workspace | undefined;

/** Runs a comparison in a workspace of its own, also when one is under way: a function pattern may start another. */
export function inWorkspace<T>(run: (workspace: Workspace) => T): T {
  const workspace = idle ?? new Workspace();
  idle = undefined;
  try {
    return run(workspace);
  } finally {
    workspace.clear();
    if (!workspace.isLarge) idle = workspace;
  }
}
