import { messageOf, TreewireError } from "../../util/index.js";
import { loadParcel, type ParcelLibrary } from "./parcel-library.js";

/** Where events come from: a watch for each directory, `@parcel/watcher`, or nowhere. */
export type WatcherKind = "inotify" | "parcel" | "poll";

/** What is used where nobody chose. */
export function defaultWatcher(platform: NodeJS.Platform = process.platform): WatcherKind {
  return platform === "linux" ? "inotify" : "parcel";
}

/**
 * Finds out whether a back end can be had here.
 *
 * @throws TreewireError `TW_NO_WATCHER`
 */
export async function checkWatcher(
  kind: WatcherKind,
  platform: NodeJS.Platform = process.platform,
  load: () => Promise<ParcelLibrary> = loadParcel,
): Promise<void> {
  if (kind === "inotify" && platform !== "linux") {
    throw new TreewireError("TW_NO_WATCHER", kind, { detail: `${platform} has none` });
  }
  if (kind !== "parcel") return;
  try {
    await load();
  } catch (cause) {
    const [what = ""] = messageOf(cause).split(". "); // the library goes on with whom to report it to
    throw new TreewireError("TW_NO_WATCHER", kind, { detail: what, cause });
  }
}
