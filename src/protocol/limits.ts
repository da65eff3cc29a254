/** The most that the diff of one repository may have (docs/protocol.md, "unified_diff"), in bytes of UTF-8. */
export const MAX_UNIFIED_DIFF_BYTES = 3 * 1024 * 1024;

/**
 * The most that one part of a tree message has as a frame, before it is packed: JSON in bytes of UTF-8, escapes included. A
 * link of 64 kbit/s carries it in 8 s, so that heartbeats and the updates of other trees pass between two parts.
 */
export const TREE_MESSAGE_PART_BYTES = 64 * 1024;

/**
 * The most files, and the most keys of files that go, in one part of a tree message. An agent cuts parts at
 * {@link TREE_MESSAGE_PART_BYTES}, where not even the shortest keys are more.
 */
export const MAX_PART_ELEMENTS = 100_000;

/** The largest frame that an agent takes of its relay: a list of as many trees as a workspace may have, and slack. */
export const MAX_TUNNEL_FRAME_BYTES = 32 * 1024 * 1024;

/**
 * The largest frame that a relay takes of an agent. Those of today send no part over {@link TREE_MESSAGE_PART_BYTES}, and
 * lists of trees that are longer; the ones before them sent a file whole, which has up to {@link MAX_UNIFIED_DIFF_BYTES}.
 */
export const MAX_AGENT_FRAME_BYTES = 4 * 1024 * 1024;

/** The longest branch name, remote URL or account of a tree's health that is told, in UTF-16 code units. */
export const MAX_META_TEXT_UNITS = 64 * 1024;

/** The longest word that says with what a tree is compared, in UTF-16 code units. */
export const MAX_COMPARISON_UNITS = 1100;

/** The most commits that are listed at once, and the most parents that are told of one. */
export const MAX_LISTED_COMMITS = 100;

/** The longest subject, body, name or address of a commit that is told, in UTF-16 code units. */
export const MAX_COMMIT_TEXT_UNITS = 2_000;

/** The longest name of a filter that is told, in UTF-16 code units: git takes none over 2,048 bytes from an attributes file. */
export const MAX_FILTER_NAME_UNITS = 4096;

/** The longest rule by which something is withheld, in UTF-16 code units: a pattern of paths, or a name. */
export const MAX_RULE_NAME_UNITS = 1024;

/** The most trees that one workspace may have. */
export const MAX_TREES = 10_000;

/** The largest frame that a watch client may send: `{"type":"refresh"}` and room for what comes later. */
export const MAX_CLIENT_FRAME_BYTES = 64 * 1024;

/** A frame with `scanned_at` goes to every client at least this often (docs/protocol.md), in milliseconds. */
export const HEARTBEAT_MS = 30_000;

/**
 * The same on delta sockets, in milliseconds: pages see neither pings nor the bytes of a message that is under way, and are to
 * notice within half a minute that a connection is dead.
 */
export const DELTA_HEARTBEAT_MS = 10_000;

/** How often either end pings; a peer that has not answered the last one is closed. Milliseconds. */
export const PING_INTERVAL_MS = 15_000;

/** The longest `id` of a refresh, in UTF-16 units. */
export const MAX_REFRESH_ID_UNITS = 64;
