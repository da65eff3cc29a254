import { printable } from "../../util/index.js";

/** `just now`, `12 s ago`, `3 min ago`, `2 h ago`. */
export function renderAge(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 2) return "just now";
  if (seconds < 120) return `${seconds} s ago`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min ago`;
  return `${Math.round(seconds / 3600)} h ago`;
}

/** Text that was made elsewhere, on one line and without control characters. */
export function printableLine(text: string): string {
  return printable(text.replaceAll("\n", " "));
}
