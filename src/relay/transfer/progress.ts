import type { Counts } from "./format.js";

/** How far an export or an import has come. */
export interface Progress extends Counts {
  /** Of files. */
  bytes: number;
}

/** Where nothing has happened yet. */
export function noProgress(): Progress {
  return { tokens: 0, invites: 0, chats: 0, files: 0, bytes: 0 };
}

/** In words. */
export function progressText({ tokens, invites, chats, files, bytes }: Progress): string {
  const megabytes = (bytes / 1024 / 1024).toFixed(1);
  return `${tokens} tokens, ${invites} invites, ${chats} chats, ${files} files (${megabytes} MiB)`;
}

/** Counts a record. */
export function countRecord(progress: Progress, kind: "token" | "invite" | "chat" | "file"): void {
  progress[`${kind}s`] += 1;
}
