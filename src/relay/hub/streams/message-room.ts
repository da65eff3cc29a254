import { answersJson } from "../encoding/answers.js";
import { fitEntries } from "../encoding/fit-entries.js";
import { removedEntries } from "../encoding/removed-entries.js";
import type { RepositoryEntry } from "../encoding/repository-entry.js";
import type { TreeView } from "../trees/tree-view.js";

/** What of a message one tree may have. */
interface Share {
  /** The view that it was measured for. */
  readonly id: number;
  /** Bytes of JSON, with a comma. */
  readonly bytes: number;
}

/** What the trees of a message may have of it. */
export interface Shares {
  readonly byRoot: ReadonlyMap<string, Share>;
  /** Bytes that no tree has. */
  readonly spare: number;
}

/** All that stands around the entries of a `changes` message, but for the comma that none has behind the last. */
const AROUND_BYTES = '{"type":"changes","scanned_at":"2026-03-05T10:11:12.345Z","repositories":[]}'.length - ",".length;
const STALE_BYTES = ',"stale":true'.length;

/**
 * What is left of a `changes` message for the trees that are there, in bytes of JSON.
 *
 * @param frameBytes what it may have in all
 * @param removed roots that are no longer there
 * @param how whether the states are old, and the names of the refreshes that the message answers
 */
export function roomOf(
  frameBytes: number,
  removed: readonly string[],
  { isStale, answers }: { isStale: boolean; answers: readonly string[] },
): number {
  const { bytes: gone } = removedEntries(removed);
  const fields = Buffer.byteLength(answersJson(answers)) + (isStale ? STALE_BYTES : 0);
  return frameBytes - AROUND_BYTES - gone - fields;
}

/** Shares a message out between its trees; what is more than it may have is left out of them. @param room in bytes of JSON */
export function shareOut(views: readonly TreeView[], room: number): Shares {
  const bound = views.reduce((sum, { entry }) => sum + entry.maxBytes, 0);
  if (bound <= room) return sharesOf(views, room, ({ entry }) => entry.maxBytes);
  const fitted = new Map(fitEntries(views, room).map((entry, at) => [views[at], entry]));
  for (const [view, entry] of fitted) view?.keepFitted(entry, entry.bytes);
  return sharesOf(views, room, (view) => fitted.get(view)?.bytes ?? 0);
}

function sharesOf(views: readonly TreeView[], room: number, bytesOf: (view: TreeView) => number): Shares {
  const byRoot = new Map(views.map((view) => [view.root, { id: view.id, bytes: bytesOf(view) }]));
  let spare = room;
  for (const { bytes } of byRoot.values()) spare -= bytes;
  return { byRoot, spare: Math.max(0, spare) };
}

/**
 * What is left of a message while it goes out. Its trees were given their shares when it began; one that has changed by the
 * time of its turn has its share and what is spare.
 */
export class MessageRoom {
  readonly #byRoot: Shares["byRoot"];
  #spare: number;
  #hasLeftOut = false;

  constructor({ byRoot, spare }: Shares) {
    this.#byRoot = byRoot;
    this.#spare = spare;
  }

  /** Whether anything was left out of a tree so far that it had room for by itself. */
  get hasLeftOut(): boolean {
    return this.#hasLeftOut;
  }

  /** What the message carries of a tree. @returns `undefined`: there is no room left for as much as its names */
  entryOf(view: TreeView): RepositoryEntry | undefined {
    const share = this.#byRoot.get(view.root);
    const own = share?.bytes ?? 0;
    const room = share?.id === view.id ? own : own + this.#spare;
    const fitted = view.fitted(room);
    if (fitted === undefined) return undefined;
    if (share?.id !== view.id) this.#spare = room - fitted.bytes;
    if (fitted.entry !== view.entry) this.#hasLeftOut = true;
    return fitted.entry;
  }
}
