import { command, fixedToken, standardLines, stopSignal, TreewireError, tokenFile } from "../../util/index.js";
import { watchInTerminal } from "./terminal.js";

export const watchCommand = command(
  "watch <chat>",
  "Show a chat's live diff in the terminal",
  (argv) =>
    argv
      .positional("chat", { type: "string", demandOption: true, describe: "UUID" })
      .option("url", { type: "string", requiresArg: true, demandOption: true, describe: "the relay's" })
      .option("token-file", {
        type: "string",
        requiresArg: true,
        describe: "a file with the token alone; or set TREEWIRE_TOKEN",
      })
      .option("json", { type: "boolean", describe: "JSON lines; the default where standard output is no terminal" })
      .option("refresh", { type: "boolean", default: false, describe: "ask for a fresh look on connecting" }),
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
);

function readToken(file: string | undefined): string {
  if (file !== undefined) return tokenFile(file, (warning) => standardLines(2).write(`relay: ${warning}\n`)).read();
  const token = process.env.TREEWIRE_TOKEN?.trim();
  if (!token) throw new TreewireError("TW_NO_TOKEN", "relay watch", { detail: "TREEWIRE_TOKEN is not set" });
  return fixedToken(token).read();
}
