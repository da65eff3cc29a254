import { answersJson } from "../encoding/answers.js";
import { removedEntries } from "../encoding/removed-entries.js";
import type { RepositoryEntry } from "../encoding/repository-entry.js";
import { TextFrame } from "../encoding/text-frame.js";
import type { TreeState } from "../trees/tree-state.js";
import type { TreeView } from "../trees/tree-view.js";
import { TurnShare } from "../turn-share.js";
import { type Shares, shareOut } from "./message-room.js";
import { TreeDelta } from "./tree-delta.js";

const END = "]}";

/** For so many turns of the event loop frames are kept for viewers who wait for theirs; then they are built again. */
const MOST_TURNS = 8;

/** Builds frames; clients that are sent the same thing at the same moment share one buffer. */
export class FrameCache {
  readonly #frames = new Map<string, TextFrame>();
  readonly #deltas = new Map<string, TreeDelta>();
  readonly #lists = new Map<ReadonlySet<string>, TextFrame>();
  readonly #shares = new Map<string, Shares>();
  /** The `changes` message that was asked for last, if it was of the plainest kind: all clients of a chat ask for it. */
  #last: { entry: RepositoryEntry; scannedAt: number; frame: TextFrame } | undefined;
  #clearing = false;
  readonly #turn: Pick<TurnShare, "isBehind">;

  /** @param turn those who wait in it are sent the same as those who were served */
  constructor(turn: Pick<TurnShare, "isBehind"> = new TurnShare()) {
    this.#turn = turn;
  }

  /**
   * A `changes` message of one frame.
   *
   * @param scannedAt milliseconds since 1970
   * @param repositories each of one piece; `undefined`: a frame with `scanned_at` alone
   * @param removed roots that are no longer there
   * @param how whether the states are old, and the names of the refreshes that the message answers
   */
  changes(
    scannedAt: number,
    repositories: readonly RepositoryEntry[] | undefined,
    removed: readonly string[],
    { isStale, answers }: { isStale: boolean; answers: readonly string[] },
  ): TextFrame {
    const [entry] = repositories ?? [];
    const isPlain =
      entry !== undefined && repositories?.length === 1 && removed.length + answers.length === 0 && !isStale;
    if (!isPlain) return this.#changes(scannedAt, repositories, removed, { isStale, answers });
    if (this.#last?.entry !== entry || this.#last.scannedAt !== scannedAt) {
      const frame = this.#changes(scannedAt, repositories, removed, { isStale, answers });
      this.#last = { entry, scannedAt, frame };
    }
    return this.#last.frame;
  }

  #changes(
    scannedAt: number,
    repositories: readonly RepositoryEntry[] | undefined,
    removed: readonly string[],
    { isStale, answers }: { isStale: boolean; answers: readonly string[] },
  ): TextFrame {
    const named = answersJson(answers);
    const ids = repositories?.map(({ id }) => id).join(" ") ?? "alone";
    return this.#cached(this.#frames, `${scannedAt} ${isStale}${named} ${ids} ${removed.join("\n")}`, () => {
      const head = `{"type":"changes","scanned_at":"${new Date(scannedAt).toISOString()}"${isStale ? ',"stale":true' : ""}${named}`;
      if (repositories === undefined) return TextFrame.of(head, "}");
      const start = `${head},"repositories":[`;
      const [only] = repositories;
      if (only !== undefined && repositories.length + removed.length === 1) return only.framed(start, END);
      const gone = removedEntries(removed).json;
      const entries = [...repositories.map((entry) => entry.piece(0)), ...(gone === "" ? [] : [gone])];
      return TextFrame.of(start, ...entries.flatMap((entry, at) => (at === 0 ? [entry] : [",", entry])), END);
    });
  }

  /** What each tree of a message may have of it. @param room in bytes of JSON */
  shares(views: readonly TreeView[], room: number): Shares {
    const name = `${room} ${views.map(({ id }) => id).join(" ")}`;
    return this.#cached(this.#shares, name, () => shareOut(views, room));
  }

  /** A `trees` message. @param roots an object of its own for every list */
  trees(roots: ReadonlySet<string>): TextFrame {
    return this.#cached(this.#lists, roots, () =>
      TextFrame.of(`{"type":"trees","roots":${JSON.stringify([...roots])}}`),
    );
  }

  /** A part of a message that goes out in fragments. @param name of what it consists of */
  fragment(name: string, parts: readonly (string | Buffer)[]): TextFrame {
    return this.#cached(this.#frames, `fragment ${name}`, () => TextFrame.of(...parts));
  }

  /** A `tree` message that leads from one state to another. @param from of another epoch, or none: the whole state */
  delta(from: TreeState | undefined, to: TreeState): TreeDelta {
    const key = `delta ${from?.epoch} ${from?.seq} ${to.epoch} ${to.seq} ${to.root}`;
    return this.#cached(this.#deltas, key, () => new TreeDelta(from, to));
  }

  #cached<K, T>(cache: Map<K, T>, key: K, build: () => T): T {
    let built = cache.get(key);
    if (built === undefined) {
      built = build();
      cache.set(key, built);
      this.#clearSoon();
    }
    return built;
  }

  /** A frame is worth keeping for the burst that fans one update out, and no longer. */
  #clearSoon(turnsLeft = MOST_TURNS): void {
    if (this.#clearing) return;
    this.#clearing = true;
    setImmediate(() => {
      this.#clearing = false;
      if (this.#turn.isBehind && turnsLeft > 1) {
        this.#clearSoon(turnsLeft - 1);
        return;
      }
      this.#frames.clear();
      this.#last = undefined;
      this.#deltas.clear();
      this.#lists.clear();
      this.#shares.clear();
    });
  }
}
