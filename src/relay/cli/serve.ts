import { createLogger, LOG_LEVELS } from "../../util/index.js";
import { startRelay } from "../server.js";
import { badUsage, command, DATA_DIR, stopSignal } from "./command.js";

export const serveCommand = command(
  "serve",
  "Run the relay until SIGTERM or SIGINT",
  (argv) =>
    argv
      .option("data-dir", DATA_DIR)
      .option("listen", { type: "string", default: "127.0.0.1:7700", describe: "HOST:PORT; port 0 picks one" })
      .option("allowed-origin", {
        type: "string",
        array: true,
        nargs: 1,
        default: [] as string[],
        describe: "an origin, as https://chat.example.com, whose pages may use their visitors' cookies",
      })
      .option("log-level", { choices: LOG_LEVELS, default: "info" as const, describe: "the least that is logged" }),
  async (argv) => {
    const log = createLogger("relay", argv.logLevel);
    const relay = await startRelay({
      dataDir: argv.dataDir,
      ...parseListen(argv.listen),
      allowedOrigins: argv.allowedOrigin,
      log,
    });
    const stopped = stopSignal();
    process.stdout.write(`${JSON.stringify({ event: "listening", url: relay.url })}\n`);
    await stopped;
    await relay.close();
  },
);

function parseListen(text: string): { host: string; port: number } {
  const [, bracketed, plain, port] = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(port) > 65_535) throw badUsage(`--listen ${text}`, "not HOST:PORT");
  return { host: host === "" ? "0.0.0.0" : host, port: Number(port) };
}
