/** Every route of docs/protocol.md is served under each of these. */
export const PREFIXES = ["/api/v2", "/api/experimental", ""] as const;

/** The two names of the git stream, below `/chats/{chat}`. */
export const STREAM_NAMES = ["git/watch", "stream/git"] as const;

const PREFIX = `(${PREFIXES.filter((prefix) => prefix !== "").join("|")})?`;
const WATCH_PATH = new RegExp(`^${PREFIX}/chats/([^/]+)/(?:${STREAM_NAMES.join("|")})/?$`);

/** The chat (not yet known to be a UUID) whose stream a path names, or `undefined` when it names no stream. */
export function watchedChat(pathname: string): { chatId: string; prefix: string } | undefined {
  const [, prefix = "", chatId] = WATCH_PATH.exec(pathname) ?? [];
  return chatId === undefined ? undefined : { chatId, prefix };
}

const EVENTS_PATH = new RegExp(`^${PREFIX}/chats/watch/?$`);

/** Whether a path is that of chat events. */
export function isChatEvents(pathname: string): boolean {
  return EVENTS_PATH.test(pathname);
}
