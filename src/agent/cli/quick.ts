import { resolve } from "node:path";
import { keepHeapSmall, runProgram, settingOptions } from "../../util/index.js";
import type { Action } from "./control-commands.js";
import { AGENT_SETTINGS, agentSettings, filterPolicy } from "./settings.js";

/** What a command takes on the quick way. Every option has the meaning that the parser of all commands gives it. */
interface Words {
  /** Options without a value. */
  readonly flags: readonly string[];
  /** Options with one value. */
  readonly values: readonly string[];
  /** Options that may be repeated. */
  readonly lists: readonly string[];
  /** For options of few values. */
  readonly choices: Readonly<Record<string, readonly string[]>>;
}

const ASKING = ["socket", "state-dir", "config"];
const FORMATS = ["diff", "json", "stat"] as const;
const DIFF: Words = {
  flags: ["exit-code"],
  values: ["format", "filters", "compare"],
  lists: [],
  choices: { format: FORMATS, filters: ["user", "all", "none"], compare: ["head", "base"] },
};
const ONCE: Words = { ...DIFF, flags: [...DIFF.flags, "once"] };
const TRACK: Words = { flags: ["hook"], values: ["chat", ...ASKING], lists: ["ancestor"], choices: {} };
const STATUS: Words = { flags: ["json"], values: ASKING, lists: [], choices: {} };

const { settings: SETTINGS } = AGENT_SETTINGS;
const OPTIONS = settingOptions(AGENT_SETTINGS);
const isList = (name: (typeof OPTIONS)[number]): boolean => SETTINGS[name].kind === "list";
const RUN: Words = {
  flags: [],
  values: [...OPTIONS.filter((name) => !isList(name)), "config"],
  lists: OPTIONS.filter(isList),
  choices: Object.fromEntries(
    OPTIONS.flatMap((name) => (SETTINGS[name].choices ? [[name, SETTINGS[name].choices]] : [])),
  ),
};

/** Words that the parser of all commands may take for something else than a path. */
const COMMANDS = ["run", "diff", "track", "untrack", "status", "config", "install-service", "completion", "help"];

/** What was given. */
interface Given {
  flags: ReadonlySet<string>;
  values: ReadonlyMap<string, string>;
  lists: ReadonlyMap<string, readonly string[]>;
  paths: readonly string[];
}

/**
 * The program `agent` for the commands that run in prompts and hooks: `diff`, `--once`, `track` and `status` as they are mostly
 * written, and for the daemon, which would hold the parser of all commands for as long as it runs. That parser takes as long
 * to load as Node.js itself; it gets whatever is written otherwise.
 *
 * @param argv what stands behind the program's name
 * @param whole runs the program with all its commands
 * @param name of the program, for its errors
 */
export async function runAgentQuickly(
  argv: readonly string[],
  whole: () => Promise<unknown>,
  name = "agent",
): Promise<void> {
  const action = quickAction(argv, name);
  if (action !== undefined) await runProgram(name, action);
  keepHeapSmall(); // before the daemon is loaded: that makes the most garbage
  const given = daemonArguments(argv);
  if (given !== undefined) await (await import("./daemon-program.js")).runDaemonProgram(given, name);
  await whole();
}

/**
 * The settings of a command line that runs the daemon: that of `run`, or one with `--relay`.
 * @returns by name, what was not given is absent; `undefined` where the parser of all commands is to say what is meant
 */
export function daemonArguments(argv: readonly string[]): Readonly<Record<string, unknown>> | undefined {
  const isRun = argv[0] === "run";
  const given = readWords(isRun ? argv.slice(1) : argv, RUN);
  if (given === undefined || given.paths.length > 0 || (!isRun && !given.values.has("relay"))) return undefined;
  return Object.fromEntries<unknown>([...given.values, ...given.lists]);
}

/** What a command line asks for. @returns `undefined` where that is for the parser of all commands to say */
export function quickAction(argv: readonly string[], name = "agent"): Action | undefined {
  if (argv[0] === "track") return trackAction(readWords(argv.slice(1), TRACK));
  if (argv[0] === "status") return statusAction(readWords(argv.slice(1), STATUS));
  if (argv[0] === "diff") return onceAction(readWords(argv.slice(1), DIFF), name);
  return argv.includes("--once") ? onceAction(readWords(argv, ONCE), name) : undefined;
}

function onceAction(given: Given | undefined, name: string): Action | undefined {
  if (given === undefined || given.paths.some((path) => COMMANDS.includes(path))) return undefined;
  const { flags, values, paths } = given;
  const format = FORMATS.find((known) => known === (values.get("format") ?? "diff")) ?? "diff";
  return async () => {
    const { runOnceCommand } = await import("./once-command.js");
    const filters = filterPolicy(values.get("filters"), "all");
    const compare = values.get("compare") ?? "head";
    return runOnceCommand({ paths, format, compare, exitCode: flags.has("exit-code"), filters }, name);
  };
}

function trackAction(given: Given | undefined): Action | undefined {
  if (given === undefined) return undefined;
  const { flags, values, lists } = given;
  const chat = values.get("chat");
  const ancestors = [...(lists.get("ancestor") ?? [])];
  const settings = () => agentSettings(Object.fromEntries(values));
  if (flags.has("hook")) {
    return async () => (await import("./commands.js")).trackHook(settings, { chat, ancestors });
  }
  if (chat === undefined || given.paths.length === 0) return undefined;
  const paths = given.paths.map((path) => resolve(path));
  return async () => (await import("./commands.js")).track(settings(), { chat, ancestors, paths });
}

function statusAction(given: Given | undefined): Action | undefined {
  if (given === undefined || given.paths.length > 0) return undefined;
  const settings = () => agentSettings(Object.fromEntries(given.values));
  return async () => (await import("./commands.js")).status(settings(), given.flags.has("json"));
}

/** @returns `undefined` for whatever has not this one meaning: an option that is not known, is repeated or lacks its value */
function readWords(argv: readonly string[], { flags, values, lists, choices }: Words): Given | undefined {
  const given = {
    flags: new Set<string>(),
    values: new Map<string, string>(),
    lists: new Map<string, string[]>(),
    paths: [] as string[],
  };
  const words = argv.values();
  for (const word of words) {
    if (!word.startsWith("--")) {
      if (!isPlain(word)) return undefined;
      given.paths.push(word);
      continue;
    }
    const name = word.slice(2);
    if (flags.includes(name)) {
      if (given.flags.has(name)) return undefined;
      given.flags.add(name);
      continue;
    }
    const value: string | undefined = words.next().value;
    if (value === undefined || !isPlain(value)) return undefined;
    if (lists.includes(name)) given.lists.set(name, [...(given.lists.get(name) ?? []), value]);
    else if (!values.includes(name) || given.values.has(name)) return undefined;
    else if (choices[name]?.includes(value) === false) return undefined;
    else given.values.set(name, value);
  }
  return given;
}

/** Whether a word can only be meant as it stands: no option, number, truth value or quotation. */
function isPlain(word: string): boolean {
  return (
    word !== "" &&
    !word.startsWith("-") &&
    !/["'`]/.test(word) &&
    !/^(?:true|false)$/i.test(word) &&
    Number.isNaN(Number(word))
  );
}
