/** What the page knows of its link, for `data-state` and in words. */
export type Status =
  | { state: "connecting"; why?: string }
  | { state: "live"; scannedAt: Date }
  /** The last state that is known: the agent is away, or the relay is not reached. */
  | { state: "stale"; scannedAt: Date; why: string }
  | { state: "refused"; status: number; message: string }
  | { state: "ended"; why: string };

/** In words, on one line. @param now milliseconds since 1970 */
export function statusText(status: Status, now: number): string {
  switch (status.state) {
    case "connecting":
      return status.why === undefined ? "Connecting…" : `Connecting… (${status.why})`;
    case "live":
      return `Live · checked ${ageOf(status.scannedAt, now)}`;
    case "stale":
      return `${status.why} · as of ${ageOf(status.scannedAt, now)}`;
    case "refused":
      return status.message;
    case "ended":
      return status.why;
  }
}

/** As people say it: `just now`, `3 s ago`, `5 min ago`, `2 h ago`. */
export function ageOf(then: Date, now: number): string {
  const seconds = Math.max(0, Math.round((now - then.getTime()) / 1000));
  if (seconds < 2) return "just now";
  if (seconds < 90) return `${seconds} s ago`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 36 * 3600) return `${Math.round(seconds / 3600)} h ago`;
  return `${Math.round(seconds / 86_400)} days ago`;
}

/** What to do about a refusal, in words. */
export function adviceFor(status: number): string {
  switch (status) {
    case 0:
      return "The relay was not reached. Is it running, and is this address its own?";
    case 401:
      return "Sign in with a link, or paste a token that the relay's operator has given you.";
    case 403:
      return "Your token does not open this chat's workspace. Ask for one that does.";
    case 404:
      return "There is no such chat, or it is somebody else's. Check the link, or sign in as another user.";
    case 429:
      return "Too many requests from here. Wait a moment, and load the page again.";
    default:
      return "Load the page again in a moment; if it stays so, ask the relay's operator.";
  }
}
