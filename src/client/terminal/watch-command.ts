import { resolve } from "node:path";
import {
  command,
  fixedToken,
  reach as readReach,
  standardLines,
  stopSignal,
  TreewireError,
  tokenFile,
} from "../../util/index.js";

const PEM = { type: "string", requiresArg: true } as const;

export const watchCommand = command(
  "watch [chat]",
  "Show a live diff in the terminal, by a link or a chat",
  (argv) =>
    argv
      .positional("chat", {
        type: "string",
        describe: "a link of `treewire relay invite`, a page's address, or a chat's UUID; none: what was watched last",
      })
      .option("url", { type: "string", requiresArg: true, describe: "the relay's, for a UUID; or set TREEWIRE_URL" })
      .option("token-file", {
        type: "string",
        requiresArg: true,
        describe: "a file with a client's token alone; or set TREEWIRE_TOKEN",
      })
      .option("full", { type: "boolean", default: false, describe: "print whole diffs, not what has changed" })
      .option("json", {
        type: "boolean",
        describe: "the frames of the git stream, one a line; the default where standard output is no terminal",
      })
      .option("compare", {
        type: "string",
        requiresArg: true,
        default: "head",
        describe: "with what: head, base, ref:NAME or commit:OID",
      })
      .option("refresh", { type: "boolean", default: false, describe: "ask for a fresh look on connecting" })
      .option("ca-file", { ...PEM, describe: "certificates that the relay's is checked against, as PEM" })
      .option("cert-file", { ...PEM, describe: "the certificate that is shown to the relay, as PEM" })
      .option("key-file", { ...PEM, describe: "its key, as PEM" })
      .option("header", {
        type: "string",
        array: true,
        nargs: 1,
        describe: "NAME: VALUE, sent to the relay or what stands before it; may be repeated",
      })
      .option("insecure", { type: "boolean", default: false, describe: "open a link over plain http as well" }),
  async (argv) => {
    // the relay's other commands start faster without them
    const [{ Sessions }, { findTarget }, { watchInTerminal }] = await Promise.all([
      import("./sessions.js"),
      import("./target.js"),
      import("./terminal.js"),
    ]);
    const stop = new AbortController();
    void stopSignal().then(() => stop.abort());
    const fileOf = (path: string | undefined) => (path === undefined ? undefined : resolve(path));
    const reach = readReach({
      caFile: fileOf(argv.caFile),
      certFile: fileOf(argv.certFile),
      keyFile: fileOf(argv.keyFile),
      ...(argv.header !== undefined && { headers: argv.header }),
    });
    const { url, chat, token, session } = await findTarget({
      what: argv.chat,
      url: argv.url ?? (process.env.TREEWIRE_URL || undefined),
      token: () => readToken(argv.tokenFile),
      isInsecure: argv.insecure,
      reach,
    });
    try {
      await watchInTerminal({
        ...{ url, chat, token, reach },
        json: argv.json ?? (!process.stdout.isTTY && !argv.full),
        refresh: argv.refresh,
        compare: argv.compare,
        full: argv.full,
        keys: process.stdin,
        signal: stop.signal,
      });
    } catch (error) {
      const isOver = error instanceof TreewireError && error.code === "TW_TOKEN_REJECTED";
      if (isOver && session !== undefined) new Sessions().forget(session);
      throw error;
    }
  },
);

function readToken(file: string | undefined): string | undefined {
  if (file !== undefined) return tokenFile(file, (warning) => standardLines(2).write(`relay: ${warning}\n`)).read();
  const token = process.env.TREEWIRE_TOKEN?.trim();
  return token ? fixedToken(token).read() : undefined;
}
