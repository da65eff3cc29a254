/**
 * WebSocket close codes, each with whether the closed side should come back. 1000 to 1015 are RFC 6455's;
 * 4000 to 4999 are private use.
 */
export const CLOSE = {
  /** The server goes away or the chat was archived; clients read it as "no diff now". Come back. */
  goingAway: { code: 1001, retry: true },
  /** The peer broke the protocol. Come back, slowly. */
  protocolError: { code: 1002, retry: true },
  /** A frame over the limit. */
  tooLarge: { code: 1009, retry: true },
  /** The closing side failed, through no fault of the peer: its disk is full, say. Come back. */
  internalError: { code: 1011, retry: true },
  /** A newer agent has taken this workspace: do not fight for it. */
  replaced: { code: 4001, retry: false },
  /** The token was revoked or has expired: coming back with the same one is useless. */
  tokenRevoked: { code: 4003, retry: false },
  /** The other end speaks a tunnel version that this one does not. */
  versionMismatch: { code: 4004, retry: true },
} as const;
