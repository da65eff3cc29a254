import { readFileSync } from "node:fs";
import yargs from "yargs";
import { createLogger, LOG_LEVELS, messageOf, TreewireError } from "../util/index.js";
import { bindChat, createToken } from "./commands.js";
import { startRelay } from "./server.js";
import { watchInTerminal } from "./terminal/index.js";

const DEFAULT_LISTEN = "127.0.0.1:7700";

/**
 * The `relay` program.
 *
 * @param args without the program's name
 * @returns the exit status; whatever failed was told in one line on standard error
 */
export async function runRelayCli(args: readonly string[]): Promise<number> {
  const parser = yargs()
    .scriptName("relay")
    .usage("$0 COMMAND: serve the live diff of git working trees to the clients of chats")
    .command(
      "serve",
      "Run the relay until SIGTERM or SIGINT",
      (y) =>
        y
          .option("data-dir", DATA_DIR)
          .option("listen", { string: true, default: DEFAULT_LISTEN, describe: "HOST:PORT; port 0 picks one" })
          .option("allowed-origin", {
            string: true,
            array: true,
            default: [] as string[],
            describe: "an origin whose pages may use their visitors' cookies",
          })
          .option("log-level", { choices: LOG_LEVELS, default: "info" as const }),
      async (argv) => {
        const log = createLogger("relay", argv.logLevel);
        const relay = await startRelay({
          dataDir: argv.dataDir,
          ...parseListen(argv.listen),
          allowedOrigins: argv.allowedOrigin,
          log,
        });
        process.stdout.write(`${JSON.stringify({ event: "listening", url: relay.url })}\n`);
        await stopSignal();
        await relay.close();
      },
    )
    .command("token", "Make the tokens of agents and clients", (y) =>
      y
        .command(
          "create",
          "Print a new token, alone",
          (z) =>
            z
              .option("data-dir", DATA_DIR)
              .option("kind", { choices: ["agent", "client"] as const, demandOption: true })
              .option("workspace", {
                string: true,
                describe: "UUID; an agent's workspace, or the only one that a client may watch",
              })
              .option("user", { string: true, describe: "whom a client's token speaks for" })
              .option("admin", { boolean: true, default: false, describe: "a client that sees every chat" }),
          (argv) => {
            const token = createToken(argv.dataDir, newToken(argv));
            process.stdout.write(`${token}\n`);
          },
        )
        .demandCommand(1, "token: a command is needed"),
    )
    .command("chat", "Say what chats show", (y) =>
      y
        .command(
          "bind <chat>",
          "Bind a chat to the trees of a workspace; makes the chat when it is new",
          (z) =>
            z
              .positional("chat", { type: "string", demandOption: true, describe: "UUID" })
              .option("data-dir", DATA_DIR)
              .option("workspace", { string: true, demandOption: true, describe: "UUID" })
              .option("owner", { string: true, describe: "the user who may see it; without one, admins alone" })
              .option("path", {
                string: true,
                array: true,
                nargs: 1,
                describe: "an absolute path in the workspace; none: every repository that the agent finds",
              })
              .option("parent", { string: true, describe: "the chat that this one belongs to" }),
          (argv) => {
            bindChat(argv.dataDir, {
              chat: argv.chat,
              workspace: argv.workspace,
              ...(argv.owner !== undefined && { owner: argv.owner }),
              ...(argv.path !== undefined && { paths: argv.path }),
              ...(argv.parent !== undefined && { parent: argv.parent }),
            });
          },
        )
        .demandCommand(1, "chat: a command is needed"),
    )
    .command(
      "watch <chat>",
      "Show a chat's live diff in the terminal",
      (y) =>
        y
          .positional("chat", { type: "string", demandOption: true, describe: "UUID" })
          .option("url", { string: true, demandOption: true, describe: "the relay's" })
          .option("token-file", { string: true, describe: "a file with the token alone; or set TREEWIRE_TOKEN" })
          .option("json", { boolean: true, describe: "JSON lines; the default where standard output is no terminal" })
          .option("refresh", { boolean: true, default: false, describe: "ask for a fresh look on connecting" }),
      async (argv) => {
        const stop = new AbortController();
        void stopSignal().then(() => stop.abort());
        await watchInTerminal({
          url: argv.url,
          chat: argv.chat,
          token: readToken(argv.tokenFile),
          json: argv.json ?? !process.stdout.isTTY,
          refresh: argv.refresh,
          signal: stop.signal,
        });
      },
    )
    .demandCommand(1, "a command is needed")
    .strict()
    .check((argv) => {
      for (const [name, value] of Object.entries(argv)) {
        if (Array.isArray(value) && !LISTS.has(name)) throw new UsageError(`--${name} is given twice`);
      }
      return true;
    })
    .exitProcess(false)
    .showHelpOnFail(false)
    .fail((message, error) => {
      throw error ?? new UsageError(message);
    });
  try {
    await parser.parseAsync([...args]);
    return 0;
  } catch (thrown) {
    return tell(thrown);
  }
}

const DATA_DIR = { string: true, demandOption: true, describe: "where the relay keeps its state" } as const;

/** The options that may be given more than once, as yargs names them; `_` is what stands without a name. */
const LISTS = new Set(["_", "path", "allowed-origin", "allowedOrigin"]);

class UsageError extends Error {}

function tell(thrown: unknown): number {
  if (thrown instanceof UsageError) {
    process.stderr.write(`relay: ${messageOf(thrown)}; see --help\n`);
    return 2;
  }
  process.stderr.write(`relay: ${messageOf(thrown)}\n`);
  return thrown instanceof TreewireError ? thrown.exitStatus : 1;
}

function parseListen(text: string): { host: string; port: number } {
  const [, bracketed, plain, port] = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(port) > 65_535) {
    throw new TreewireError("TW_BAD_USAGE", `--listen ${text}`, { detail: "not HOST:PORT" });
  }
  return { host: host === "" ? "0.0.0.0" : host, port: Number(port) };
}

function newToken(argv: {
  kind: "agent" | "client";
  workspace?: string | undefined;
  user?: string | undefined;
  admin: boolean;
}) {
  const { kind, workspace, user, admin } = argv;
  if (kind === "agent") {
    if (workspace === undefined) throw new UsageError("an agent's token needs --workspace");
    if (user !== undefined || admin) throw new UsageError("--user and --admin are for clients' tokens");
    return { kind, workspace };
  }
  if (user === undefined) throw new UsageError("a client's token needs --user");
  return { kind, user, admin, ...(workspace !== undefined && { workspace }) };
}

function readToken(file: string | undefined): string {
  if (file === undefined) {
    const token = process.env.TREEWIRE_TOKEN?.trim();
    if (!token) throw new TreewireError("TW_NO_TOKEN", "relay watch", { detail: "TREEWIRE_TOKEN is not set" });
    return token;
  }
  let token: string;
  try {
    token = readFileSync(file, "utf8").trim();
  } catch (thrown) {
    throw new TreewireError("TW_BAD_TOKEN_FILE", file, { detail: messageOf(thrown), cause: thrown });
  }
  if (!/^[\x21-\x7e]+$/.test(token)) throw new TreewireError("TW_BAD_TOKEN_FILE", file);
  return token;
}

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve());
  });
}
