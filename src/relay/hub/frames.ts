import { type DeltaTree, diffFiles } from "../../protocol/index.js";
import { removedJson } from "./repository-entry.js";
import { TextFrame } from "./text-frame.js";
import type { TreeState } from "./tree.js";
import type { TreeView } from "./tree-view.js";

const END = "]}";

/** Builds frames; clients that are told the same thing at the same moment share one buffer. */
export class FrameCache {
  readonly #frames = new Map<string, TextFrame>();
  #clearing = false;

  /**
   * A `changes` message of one frame.
   *
   * @param scannedAt milliseconds since 1970
   * @param views each of one piece; `undefined`: a frame with `scanned_at` alone
   * @param removed roots that are no longer there
   */
  changes(
    scannedAt: number,
    views: readonly TreeView[] | undefined,
    removed: readonly string[],
    isStale: boolean,
  ): TextFrame {
    const ids = views?.map(({ id }) => id).join(" ") ?? "alone";
    return this.#cached(`${scannedAt} ${isStale} ${ids} ${removed.join("\n")}`, () => {
      const head = `{"type":"changes","scanned_at":"${new Date(scannedAt).toISOString()}"${isStale ? ',"stale":true' : ""}`;
      if (views === undefined) return TextFrame.of(head, "}");
      const start = `${head},"repositories":[`;
      const [view] = views;
      if (view !== undefined && views.length + removed.length === 1) return view.entry.framed(start, END);
      const entries = [...views.map(({ entry }) => entry.piece(0)), ...removed.map(removedJson)];
      return TextFrame.of(start, ...entries.flatMap((entry, at) => (at === 0 ? [entry] : [",", entry])), END);
    });
  }

  /** A part of a message that is told in fragments. @param name of what it consists of */
  fragment(name: string, parts: readonly (string | Buffer)[]): TextFrame {
    return this.#cached(`fragment ${name}`, () => TextFrame.of(...parts));
  }

  /** A `tree` message that leads from one state to another. @param from of another epoch, or none: the whole state */
  delta(from: TreeState | undefined, to: TreeState): TextFrame {
    const { root, epoch, seq, meta } = to;
    const base = from !== undefined && from.epoch === epoch && from.seq < seq ? from : undefined;
    return this.#cached(`delta ${epoch} ${base?.seq ?? "whole"} ${seq} ${root}`, () => {
      const changes = diffFiles(base?.files ?? [], to.files);
      const message: DeltaTree = { type: "tree", root, epoch, seq, base: base?.seq ?? null, meta, ...changes };
      return TextFrame.of(JSON.stringify(message));
    });
  }

  #cached(key: string, build: () => TextFrame): TextFrame {
    let frame = this.#frames.get(key);
    if (frame === undefined) {
      frame = build();
      this.#frames.set(key, frame);
      this.#clearSoon();
    }
    return frame;
  }

  /** A frame is worth keeping for the burst that fans one update out, and no longer. */
  #clearSoon(): void {
    if (this.#clearing) return;
    this.#clearing = true;
    setImmediate(() => {
      this.#clearing = false;
      this.#frames.clear();
    });
  }
}
