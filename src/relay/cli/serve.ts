import { setDefaultAutoSelectFamilyAttemptTimeout } from "node:net";
import {
  command,
  createLogger,
  type EffectiveSetting,
  type LogLevel,
  listOf,
  standardLines,
  stopSignal,
  TreewireError,
  textOf,
  withSettings,
} from "../../util/index.js";
import { invite, readInvitation } from "../commands.js";
import type { RelayOptions } from "../serving/relay-options.js";
import { badUsage } from "./command.js";
import { invitationFrom, invitedText, withInvitation } from "./invite.js";
import { limitsOf, milliseconds, placeOf, RELAY_SETTINGS, type RelaySettings, relaySettings } from "./settings.js";

/**
 * How long an address of the upstream has to answer before the next is tried, in milliseconds. Node's own 250 ms give up
 * every address but the last where an answer takes longer; a dead one costs this much for each new connection.
 */
const ADDRESS_MS = 2_500;

export const serveCommand = command(
  "serve",
  "Run the relay until SIGTERM or SIGINT; SIGHUP reads certificate and key again",
  (argv) =>
    withInvitation(withSettings(argv, RELAY_SETTINGS))
      .option("invite", {
        type: "boolean",
        default: false,
        describe: "make two links as `invite` does, on standard error",
      })
      .option("url", {
        type: "string",
        requiresArg: true,
        describe: "with --invite: the relay's, as agents and people reach it; default: where it listens",
      }),
  async (args) => {
    setDefaultAutoSelectFamilyAttemptTimeout(ADDRESS_MS);
    const settings = relaySettings(args);
    const options = serveOptions(settings);
    requireInvitable(args, options);
    const { startRelay } = await import("../server.js"); // the other commands start faster without it
    const log = createLogger("relay", textOf(settings["log-level"]) as LogLevel);
    const relay = await startRelay({ ...options, log });
    const { url, metricsUrl } = relay;
    const stopped = stopSignal();
    process.on("SIGHUP", () => {
      try {
        relay.reload();
        log.info("certificate and key were read again");
      } catch (error) {
        log.error({ err: error }, "the old certificate stays");
      }
    });
    // a disk that is full, or a reader that has gone, is no reason not to serve
    standardLines(1).write(
      `${JSON.stringify({ event: "listening", url, ...(metricsUrl !== undefined && { metrics_url: metricsUrl }) })}\n`,
    );
    if (args.invite) {
      const invited = await invite(placeOf(settings), invitationFrom(args.url ?? url, args));
      standardLines(2).write(invitedText(invited));
    }
    await stopped;
    log.info("stopping");
    await relay.close();
  },
);

/** Before anything is served: an invitation that nobody could follow. @throws TreewireError `TW_BAD_USAGE` */
function requireInvitable(
  args: Parameters<typeof invitationFrom>[1] & { invite: boolean; url: string | undefined },
  { host = "", upstream }: Omit<RelayOptions, "log">,
): void {
  if (!args.invite) {
    const given = (["url", "owner", "path", "expires", "uses"] as const).find((name) => args[name] !== undefined);
    if (given !== undefined) throw badUsage(`--${given}`, "it goes with --invite");
    return;
  }
  readInvitation(invitationFrom(args.url ?? "http://127.0.0.1", args)); // what it listens at is no less of a URL
  if (upstream !== undefined) throw badUsage("--invite", "with --upstream the chats are another server's");
  if (args.url === undefined && /^(0\.0\.0\.0|::)$/.test(host)) {
    throw badUsage("--invite", "give --url, by which others reach this machine");
  }
}

function serveOptions(settings: RelaySettings): Omit<RelayOptions, "log"> {
  const upstream = textOf(settings.upstream);
  const tlsCert = textOf(settings["tls-cert"]);
  const tlsKey = textOf(settings["tls-key"]);
  return {
    ...parseListen(settings.listen),
    ...(textOf(settings["metrics-listen"]) !== undefined && { metricsListen: parseListen(settings["metrics-listen"]) }),
    allowedOrigins: listOf(settings["allowed-origin"]),
    frameAncestors: listOf(settings["frame-ancestor"]),
    trustProxy: listOf(settings["trust-proxy"]),
    ...(upstream !== undefined && { upstream }),
    upstreamTimeoutMs: milliseconds(settings, "upstream-timeout-seconds"),
    ...(tlsCert !== undefined && { tlsCert }),
    ...(tlsKey !== undefined && { tlsKey }),
    fileTypes: textOf(settings["file-types"]) === "all" ? "all" : "images",
    limits: limitsOf(settings),
    drainMs: milliseconds(settings, "drain-seconds"),
    lingerMs: milliseconds(settings, "linger-seconds"),
    outageGraceMs: milliseconds(settings, "outage-grace"),
    ...placeOf(settings),
  };
}

/** @throws TreewireError `TW_BAD_CONFIG` */
function parseListen(setting: EffectiveSetting): { host: string; port: number } {
  const text = textOf(setting) ?? "";
  const [, bracketed, plain, port] = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(port) > 65_535) {
    throw new TreewireError("TW_BAD_CONFIG", `${setting.from} ${text}`, { detail: "not HOST:PORT" });
  }
  return { host: host === "" ? "0.0.0.0" : host, port: Number(port) };
}
