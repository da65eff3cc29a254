import type { RepositoryChange, ServerMessage } from "../../protocol/index.js";
import { type Colors, paintDiff, printable } from "../../util/index.js";

/**
 * A message as the terminal shows it.
 *
 * @param now milliseconds since 1970, from which ages are counted
 * @returns whole lines; "" when there is nothing to show
 */
export function renderMessage(message: ServerMessage, now: number, colors: Colors): string {
  if (message.type === "error") return `${colors.yellow(printableLine(message.message))}\n`;
  const ageMs = now - Date.parse(message.scanned_at);
  const refreshed = message.answers === undefined ? "" : `${colors.dim(`refreshed ${renderAge(ageMs)}`)}\n`;
  if (message.repositories === undefined) return refreshed || `${colors.dim(`checked ${renderAge(ageMs)}`)}\n`;
  if (message.repositories.length === 0) return `no repository to watch\n${refreshed}`;
  return message.repositories.map((change) => renderRepository(change, ageMs, colors)).join("\n") + refreshed;
}

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

function renderRepository(change: RepositoryChange, ageMs: number, colors: Colors): string {
  const root = colors.bold(printableLine(change.repo_root));
  if (change.removed) return `${root}  ${colors.red("removed")}\n`;
  const branch = change.branch === "" ? colors.yellow("(no branch)") : colors.cyan(printableLine(change.branch));
  const health = change.health === undefined ? "" : `  ${colors.yellow(printableLine(change.health))}`;
  const hidden = hiddenText(change);
  const secrets = hidden === "" ? "" : `  ${colors.yellow(hidden)}`;
  const title = `${root}  ${branch}  ${colors.dim(renderAge(ageMs))}${health}${secrets}\n`;
  if (change.unified_diff === "") return `${title}${colors.dim("clean")}\n`;
  const diff = paintDiff(change.unified_diff, colors);
  return title + (diff.endsWith("\n") ? diff : `${diff}\n`);
}

/** What an agent has hidden: by which rules files are withheld, and how to have it otherwise. "" when nothing is. */
function hiddenText({ withheld_files = [], masked_files = [] }: RepositoryChange): string {
  const rules = [...new Set(withheld_files.map(({ rule }) => printableLine(rule)))].join(", ");
  const parts = [
    ...(withheld_files.length > 0 ? [`${withheld_files.length} withheld (${rules})`] : []),
    ...(masked_files.length > 0 ? [`${masked_files.length} masked`] : []),
  ];
  return parts.length === 0 ? "" : `secrets: ${parts.join(", ")}; the agent's secrets-allow lets files through`;
}
