import type { AgentStatus } from "../../protocol/index.js";
import { type Colors, printable } from "../../util/index.js";

/** Nothing is wrong, and nothing is shown: who has just set it up wonders why. */
const UNWATCHED = "all is well; nobody watches a chat of this workspace";

/**
 * The status for people.
 *
 * @param now milliseconds since 1970, from which ages are counted
 * @returns whole lines
 */
export function formatStatus(status: AgentStatus, now: number, colors: Colors): string {
  const { connection, chats, trees, allowed, watches, memory, problems } = status;
  const ago = (time: string | null) => (time === null ? "never" : `${duration(now - Date.parse(time))} ago`);
  const lines = [
    `agent ${status.version}, process ${status.pid}, started ${ago(status.started_at)}`,
    `relay ${connection.relay}: ${connectionText(connection, now)}`,
    heading(chats.length, "chat"),
    ...chats.map(
      ({ chat, watched, bound_paths, tracked_paths, roots }) =>
        `  ${chat}  ${watched ? "watched" : "not watched"}, ${bound_paths} bound and ${tracked_paths} tracked paths, ` +
        `${count(roots.length, "tree")}`,
    ),
    heading(trees.length, "tree"),
    ...trees.map((tree) => {
      const unfiltered =
        tree.filters_not_run === 0 ? "" : ` (${tree.filters_not_run} behind filters that were not run)`;
      const hidden =
        tree.withheld_files + tree.masked_files === 0
          ? ""
          : ` (${tree.withheld_files} withheld and ${tree.masked_files} masked, for secrets)`;
      const files = count(tree.changed_files, "changed file") + unfiltered + hidden;
      const state = tree.state === "live" ? files : tree.state;
      const health = tree.health === "" ? "" : `, ${colors.yellow(printable(tree.health))}`;
      return `  ${printable(tree.root)}  ${state}, scanned ${ago(tree.scanned_at)}${health}`;
    }),
    heading(allowed.length, "allowed directory", "allowed directories"),
    ...allowed.map((directory) => `  ${printable(directory)}`),
    watches === null ? "file watches: unknown here" : `file watches: ${watches.used} of ${watches.limit}`,
    ...(status.watcher === null ? [] : [`watcher: ${status.watcher}`]),
    `memory: ${mebibytes(memory.rss_bytes)} resident, ${mebibytes(memory.heap_bytes)} heap`,
    ...(problems.length === 0
      ? [colors.green(chats.some(({ watched }) => watched) ? "all is well" : UNWATCHED)]
      : problems.map((text) => colors.red(`problem: ${printable(text)}`))),
  ];
  return `${lines.join("\n")}\n`;
}

function connectionText({ state, since, problem, next_try_at }: AgentStatus["connection"], now: number): string {
  const age = duration(now - Date.parse(since));
  if (state === "connected") return `connected for ${age}`;
  const why = problem === null ? "" : `, ${printable(problem)}`;
  if (state === "connecting" || next_try_at === null) return `connecting for ${age}${why}`;
  return `next try in ${duration(Date.parse(next_try_at) - now)}${why}`;
}

/** `3 s`, `12 min`, `5 h`, `2 d`. @param ms below 0 counts as 0 */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / (24 * 3600))} d`;
}

/** Before the lines of each, if there are any. */
function heading(number: number, word: string, words = `${word}s`): string {
  return number === 0 ? `no ${words}` : `${number} ${number === 1 ? word : words}:`;
}

function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? "" : "s"}`;
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 ** 2)} MiB`;
}
