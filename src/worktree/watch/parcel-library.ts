import type { BackendType, Options, SubscribeCallback } from "@parcel/watcher";

/** What is used of `@parcel/watcher`. */
export interface ParcelLibrary {
  subscribe(root: string, onEvents: SubscribeCallback, options: Options): Promise<{ unsubscribe(): Promise<void> }>;
}

/**
 * Its parts by platform. It is never left to choose: it would prefer a Watchman that is installed, which writes a file
 * into each tree to see whether its events have come.
 */
const BACK_ENDS: Readonly<Partial<Record<NodeJS.Platform, BackendType>>> = {
  linux: "inotify",
  darwin: "fs-events",
  win32: "windows",
};

/** @returns `undefined`: the library's own choice, on platforms that Watchman does not run on */
export function parcelBackEnd(platform: NodeJS.Platform): BackendType | undefined {
  return BACK_ENDS[platform];
}

/** Whether the platform reports a whole tree by itself; elsewhere the library crawls it and watches each directory. */
export function hasNativeStream(platform: NodeJS.Platform): boolean {
  return platform === "darwin" || platform === "win32";
}

/** Loads the library with its binary. @throws Error when there is none for this platform, or it was not installed */
export async function loadParcel(): Promise<ParcelLibrary> {
  const { default: library } = await import("@parcel/watcher");
  return library;
}
