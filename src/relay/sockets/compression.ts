/** Compression without context takeover: a socket keeps no window of its own between frames (docs/protocol.md). */
export const PER_MESSAGE_DEFLATE = {
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
  threshold: 1024,
  concurrencyLimit: 4,
  zlibDeflateOptions: { level: 3 },
};
