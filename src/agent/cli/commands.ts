import type { ControlReply, ControlRequest } from "../../protocol/index.js";
import { controlRequestSchema } from "../../protocol/index.js";
import {
  colorsFor,
  formatSettings,
  listOf,
  printable,
  reportError,
  settingsJson,
  TreewireError,
  textOf,
} from "../../util/index.js";
import { AgentRefusal, askAgent } from "../control/control-client.js";
import { hookEdit, readInput } from "../control/hook-input.js";
import { defaultStateDir, socketToAsk } from "../control/places.js";
import { AGENT_SETTINGS, type AgentSettings } from "./settings.js";
import { formatStatus } from "./status-text.js";

/** `agent track`: says to which tree each path belongs. @returns the exit status */
export async function track(settings: AgentSettings, request: TrackRequest): Promise<number> {
  const status = await tell(settings, request);
  if (status !== 0) return status;
  const { rootOf } = await import("./once-command.js"); // not for hooks, which wait
  for (const path of request.paths) {
    const root = await rootOf(path);
    process.stdout.write(
      `${printable(path)}${root === undefined ? ": no repository there yet" : ` → ${printable(root)}`}\n`,
    );
  }
  return 0;
}

interface TrackRequest {
  chat: string;
  ancestors: string[];
  paths: string[];
  base?: string | undefined;
}

function tell(settings: AgentSettings, request: TrackRequest): Promise<number> {
  return ask(settings, { type: "track", ...request }, () => {});
}

/**
 * `agent track --hook`, for a coding agent's settings.
 *
 * @param chat instead of the session that the hook's input names; "" counts as none
 * @returns the exit status; never 2, by which a hook would tell its agent to undo the edit
 */
export async function trackHook(
  settings: () => AgentSettings,
  { chat, ancestors }: { chat: string | undefined; ancestors: string[] },
): Promise<number> {
  try {
    const edit = hookEdit(await readInput(process.stdin));
    if (edit.paths.length === 0) {
      process.stderr.write("agent: track: the hook's input names no file\n");
      return 0;
    }
    return await tell(settings(), { chat: chat || (edit.chat ?? ""), ancestors, paths: edit.paths });
  } catch (error) {
    reportError("agent", error);
    return 1;
  }
}

/** `agent untrack`. @returns the exit status */
export function untrack(settings: AgentSettings, request: { chat: string; paths: string[] }): Promise<number> {
  return ask(settings, { type: "untrack", ...request }, () => {});
}

/** `agent status`. @returns the exit status */
export function status(settings: AgentSettings, json: boolean): Promise<number> {
  return ask(settings, { type: "status" }, (reply) => {
    if (reply.type !== "status") return;
    const text = json
      ? `${JSON.stringify(reply.status)}\n`
      : formatStatus(reply.status, Date.now(), colorsFor(process.stdout));
    process.stdout.write(text);
  });
}

/** `agent config`. @returns the exit status */
export async function config(settings: AgentSettings, json: boolean): Promise<number> {
  const effective = withPlaces(settings);
  const head = "# as an agent would start here and now; `agent status` says how the running one is\n";
  const text = json ? settingsJson(AGENT_SETTINGS, effective) : head + formatSettings(AGENT_SETTINGS, effective);
  process.stdout.write(text);
  return 0;
}

/** The settings with what counts where places are not set. */
function withPlaces(settings: AgentSettings): AgentSettings {
  const stateDir = textOf(settings["state-dir"]) ?? defaultStateDir();
  const root = listOf(settings.root).length === 0 ? [process.cwd()] : listOf(settings.root);
  return {
    ...settings,
    root: { ...settings.root, value: [...root] },
    "state-dir": { ...settings["state-dir"], value: stateDir },
    socket: { ...settings.socket, value: textOf(settings.socket) ?? socketToAsk(stateDir) },
  };
}

async function ask(
  settings: AgentSettings,
  request: ControlRequest,
  onReply: (reply: Exclude<ControlReply, { type: "error" }>) => void,
): Promise<number> {
  const checked = controlRequestSchema.safeParse(request);
  if (!checked.success) {
    const { path, message } = checked.error.issues[0] ?? { path: [], message: "not a request" };
    throw new TreewireError("TW_BAD_USAGE", request.type, { detail: `${path.join(".")}: ${message}` });
  }
  const stateDir = textOf(settings["state-dir"]) ?? defaultStateDir();
  const socket = textOf(settings.socket) ?? socketToAsk(stateDir);
  try {
    onReply(await askAgent(socket, checked.data));
    return 0;
  } catch (error) {
    if (!(error instanceof AgentRefusal)) throw error;
    process.stderr.write(`agent: ${error.message}\n`);
    return 1;
  }
}
