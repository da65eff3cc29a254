import { type TreeMessage, treeKey, treeOfKey } from "../../../protocol/index.js";
import type { Channel, TreeState, Workspace } from "../../hub/index.js";
import type { Head, LogEvent, Watched } from "../bus/messages.js";
import type { HomeState } from "../bus/wire.js";
import type { AgentReport } from "../exchange.js";

/** So much is said of what chats add up to in one answer, which is one message: characters of roots, and so many for each tree. */
const MAX_COUNTS_UNITS = 256 * 1024;
const COUNT_UNITS = 100;

/**
 * What a home passes on of what its agent has said, once its own workspace has taken it: of a tree, what that holds now, so
 * that followers hold the same, and whole updates alone.
 *
 * @returns `undefined` for what other relays need not hear
 */
export function eventOf(workspace: Workspace, message: AgentReport): LogEvent | undefined {
  switch (message.type) {
    case "chat":
    case "gone":
    case "trouble":
      return message;
    case "scanned": {
      const state = workspace.state(treeKey(message.root, message.compare));
      return state && confirmationOf(state, message.scanned_at);
    }
    case "tree":
      return message.more ? undefined : updateOf(workspace.state(treeKey(message.root, message.compare)), message);
    case "refreshed":
    case "answer":
      return undefined; // to what this relay has asked
    default:
      return message satisfies never;
  }
}

function updateOf(state: TreeState | undefined, last: TreeMessage): LogEvent | undefined {
  if (state === undefined) return undefined;
  const { epoch, seq, base, meta } = last;
  const isOfEpoch = state.epoch === epoch;
  if (isOfEpoch && state.seq !== seq) return undefined; // its base was not here: the whole state was asked for
  if (!isOfEpoch || base === null || state.changes?.base !== base) return wholeOf(state);
  const upserts: TreeMessage["upserts"] = [];
  const removes: string[] = [];
  for (const [key, file] of state.changes.files) {
    if (file === undefined) removes.push(key);
    else upserts.push(file);
  }
  return { ...namesOf(state), type: "tree", base, meta, upserts, removes, more: false };
}

/**
 * All that is true of a workspace where its agent is: what the agent that is connected now has confirmed, and nothing older.
 *
 * @param channels those that the follower watches
 * @param heads the states that it holds: of those that are the same it is told that they are
 */
export function* snapshotOf(
  workspace: Workspace,
  channels: Iterable<Channel>,
  heads: readonly Head[],
): Generator<LogEvent, void> {
  const listed = new Map<string, Channel>();
  for (const channel of channels) if (channel.knowsRoots) listed.set(channel.chat, channel);
  for (const { chat, roots, agentBase } of listed.values()) {
    yield { type: "chat", chat, roots: [...roots], ...(agentBase !== "" && { base: agentBase }) };
  }
  const known = new Map(heads.map((head) => [treeKey(head.root, head.compare), head]));
  for (const key of workspace.roots) {
    const state = workspace.state(key);
    if (state === undefined || !workspace.isLive(key)) continue;
    const head = known.get(key);
    const isSame = head !== undefined && head.epoch === state.epoch && head.seq === state.seq;
    yield isSame ? confirmationOf(state, new Date(workspace.scannedAt(key)).toISOString()) : wholeOf(state);
  }
  // behind the trees: a tree that is confirmed has none
  for (const channel of listed.values()) {
    const { chat } = channel;
    for (const { root, message } of channel.troublesByRoot()) {
      const about = root === "" ? { root: null, chat } : { root, chat: null };
      yield { type: "trouble", ...about, code: "", message };
    }
  }
}

/** The states that a workspace holds, for its home to send what differs. */
export function headsOf(workspace: Workspace): Head[] {
  const heads: Head[] = [];
  for (const key of workspace.roots) {
    const state = workspace.state(key);
    if (state !== undefined) heads.push({ ...treeOfKey(key), epoch: state.epoch, seq: state.seq });
  }
  return heads;
}

function wholeOf(state: TreeState): LogEvent {
  const { meta, files } = state;
  return { ...namesOf(state), type: "tree", base: null, meta, upserts: [...files], removes: [], more: false };
}

function confirmationOf(state: TreeState, scannedAt: string): LogEvent {
  return { ...namesOf(state), type: "confirmed", scanned_at: scannedAt };
}

function namesOf({ root, compare, epoch, seq }: TreeState): Head {
  return { root, ...(compare !== undefined && { compare }), epoch, seq };
}

/** What the trees of chats add up to: of those that are watched, as far as there is room. */
export function countsOf(workspace: Workspace, chats: readonly string[]): NonNullable<HomeState["counts"]> {
  const counts: NonNullable<HomeState["counts"]> = [];
  let left = MAX_COUNTS_UNITS;
  for (const chat of chats) {
    const trees = workspace.counts(chat);
    const units = trees.reduce((sum, { root }) => sum + root.length + COUNT_UNITS, 0);
    if (trees.length === 0 || units > left) continue;
    left -= units;
    counts.push({ chat, trees: [...trees] });
  }
  return counts;
}

/** What is watched in a workspace, for its home to watch it. */
export function watchesOf(workspace: Workspace): Watched[] {
  const watches: Watched[] = [];
  for (const { chat, paths, compare, base } of workspace.channels) {
    const how = { ...(compare !== undefined && { compare }), ...(base !== "" && { base }) };
    watches.push({ chat, paths: [...paths], ...how });
  }
  return watches;
}
