import { MAX_AGENT_FRAME_BYTES, MAX_CLIENT_FRAME_BYTES, MAX_TREES, PING_INTERVAL_MS } from "../protocol/index.js";

/** What callers may use up. Every one is an option of `relay serve`; docs/operating.md lists them. */
export interface LimitOptions {
  /** HTTP requests and upgrades of one address in a minute. */
  requestsPerAddress: number;
  /** HTTP requests and upgrades with one token in a minute. */
  requestsPerToken: number;
  /** Requests and upgrades of one address in a minute that bring no token that counts. */
  failuresPerAddress: number;
  /** Open watch sockets of one token. */
  socketsPerToken: number;
  /** Messages that one watch socket may send in a second; what is over it waits in the client's own buffers. */
  messagesPerSecond: number;
  /** Messages that all watch sockets of one token may send in a second, on average. */
  clientMessagesPerSecond: number;
  /** Bytes that all watch sockets and uploads of one token may send in a second, on average. */
  clientBytesPerSecond: number;
  /** Bytes of one frame of a watch client, unpacked. */
  clientFrameBytes: number;
  /** Bytes of one frame of an agent, unpacked. */
  agentFrameBytes: number;
  /** Bytes of one `changes` message to a watch client; hunks are left out where it would be more. */
  frameBytes: number;
  /** How long an agent has to say hello, in milliseconds. */
  helloTimeoutMs: number;
  /** How often sockets are pinged; a peer that has not answered by the next time is cut off. Milliseconds. */
  pingIntervalMs: number;
  /** Messages that an agent may send in a second, on average. */
  agentMessagesPerSecond: number;
  /** Bytes that an agent may send in a second, unpacked and on average. */
  agentBytesPerSecond: number;
  /** Milliseconds of each second in which an agent may have the relay for itself, by an estimate and on average. */
  agentStallMsPerSecond: number;
  /**
   * What trees, updates that are not finished, and what is known of chats may cost in memory, of all workspaces: in bytes, by
   * the estimate of budgets/cost.ts. What nobody watches goes first, then the workspace that holds the most.
   */
  treeBytes: number;
  /** The same of one workspace. Its tunnel is closed when it wants more; so it is for the next two. */
  workspaceBytes: number;
  /** Trees of one workspace that are held in memory. */
  workspaceTrees: number;
  /** Changed files of all trees of one workspace. */
  workspaceFiles: number;
  /** Rows in the store for one workspace's trees, for its chats' trees, and for those that they had. The oldest go. */
  workspaceRows: number;
  /** Open TCP connections, of everybody. */
  connections: number;
  /** How long a request's headers may take, in milliseconds. */
  headersTimeoutMs: number;
  /** How long a request with its body may take, in milliseconds. */
  requestTimeoutMs: number;
  /** How long a connection without a request is kept, in milliseconds. */
  idleTimeoutMs: number;
  /** Bytes of a request's headers. */
  headerBytes: number;
  /** Bytes of a request's body, files aside. */
  bodyBytes: number;
  /** Bytes of one owner's files. */
  ownerFileBytes: number;
  /** Bytes of one organization's files. */
  organizationFileBytes: number;
  /** Uploads of one token under way. */
  uploadsPerToken: number;
  /** Uploads under way, of everybody. */
  uploads: number;
  /** Bytes that uploads leave free on the file system of the data directory. */
  minFreeBytes: number;
}

export const DEFAULT_LIMITS: LimitOptions = {
  requestsPerAddress: 12_000,
  requestsPerToken: 6_000,
  failuresPerAddress: 300,
  socketsPerToken: 4_000,
  messagesPerSecond: 5_000,
  clientMessagesPerSecond: 1_000,
  clientBytesPerSecond: 8 * 1024 * 1024,
  clientFrameBytes: MAX_CLIENT_FRAME_BYTES,
  agentFrameBytes: MAX_AGENT_FRAME_BYTES,
  frameBytes: 32 * 1024 * 1024,
  helloTimeoutMs: 10_000,
  pingIntervalMs: PING_INTERVAL_MS,
  agentMessagesPerSecond: 2_000,
  agentBytesPerSecond: 8 * 1024 * 1024,
  agentStallMsPerSecond: 1,
  treeBytes: 256 * 1024 * 1024,
  workspaceBytes: 128 * 1024 * 1024,
  workspaceTrees: MAX_TREES,
  workspaceFiles: 200_000,
  workspaceRows: 2 * MAX_TREES,
  connections: 20_000,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 120_000,
  idleTimeoutMs: 30_000,
  headerBytes: 16 * 1024,
  bodyBytes: 64 * 1024,
  ownerFileBytes: 1024 * 1024 * 1024,
  organizationFileBytes: 10 * 1024 * 1024 * 1024,
  uploadsPerToken: 8,
  uploads: 256,
  minFreeBytes: 256 * 1024 * 1024,
};
