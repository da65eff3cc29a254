import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { stringify as toToml } from "smol-toml";
import * as z from "zod";
import { makeDirectoriesSync, messageOf, systemCode, TreewireError } from "../../util/index.js";
import { dialError, postJson } from "../../util/link/index.js";
import { readInput } from "../control/hook-input.js";
import { dial } from "../tunnel/dial.js";
import { tunnelUrl } from "../tunnel/tunnel-url.js";
import { agentFile, type JoinRequest } from "./join-request.js";
import { AGENT_SETTINGS } from "./settings.js";

/** How long the relay has to answer, in milliseconds; as long as connecting may take. */
const LIMIT_MS = 15_000;
const TOKEN_FILE = "agent.token";
const LOOPBACK = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/;
/** Settings that are paths, which are written as absolute ones. */
const PATHS = new Set(["state-dir", "socket", "ca-file", "cert-file", "key-file", "root", "allow-root"]);

const joinedSchema = z.object({ token: z.string().regex(/^[\x21-\x7e]+$/), workspace: z.string(), chat: z.string() });

/**
 * Trades an invite for a token and writes both settings and token to a directory, for their owner alone (docs/install.md,
 * "Joining"). The invite counts once: what would hinder the writing is looked for before it is spent.
 *
 * @returns the settings that have come by it, as the command line would give them
 * @throws TreewireError `TW_BAD_USAGE`, `TW_PLAIN_HTTP`, `TW_JOINED_ALREADY`, `TW_CONFIG_DIR`, `TW_INVITE_REJECTED`, and
 *   those of dialling
 */
export async function joinRelay(
  request: JoinRequest,
): Promise<{ config: string; relay: string; "token-file": string }> {
  const { directory, given, isForced, isInsecure } = request;
  const { relay, secret } = readLink(request.link === "-" ? await readInput(process.stdin) : request.link);
  if (relay.protocol === "http:" && !LOOPBACK.test(relay.hostname) && !isInsecure) {
    throw new TreewireError("TW_PLAIN_HTTP", relay.host);
  }
  const files = { config: agentFile(directory), token: join(directory, TOKEN_FILE) };
  const there = Object.values(files).find((path) => existsSync(path));
  if (there !== undefined && !isForced) throw new TreewireError("TW_JOINED_ALREADY", there);
  const url = withoutSlash(relay);
  const config = toToml({ relay: url, "token-file": files.token, ...settingsOf(given) });
  const write = prepare(directory, files);
  try {
    const { token, workspace } = await trade(relay, secret, given);
    write(`# written by --join\n${config}`, `${token}\n`);
    process.stdout.write(`joined ${relay.host} as workspace ${workspace}; settings: ${files.config}\n`);
  } finally {
    write.end();
  }
  return { config: files.config, relay: url, "token-file": files.token };
}

/** The relay, and the secret behind `#agent-`. @throws TreewireError `TW_BAD_USAGE`, which does not repeat the link */
function readLink(text: string): { relay: URL; secret: string } {
  const link = text.trim();
  const bad = (detail: string) => new TreewireError("TW_BAD_USAGE", "--join", { detail });
  if (!URL.canParse(link)) throw bad("not a link of `treewire relay invite`");
  const { hash, protocol } = new URL(link);
  if (hash.startsWith("#view-")) throw bad("this link is for people: paste the one with #agent-");
  const secret = /^#agent-([\w-]+)$/.exec(hash)?.[1];
  if (secret === undefined || !/^https?:$/.test(protocol)) throw bad("not a link of `treewire relay invite`");
  const relay = new URL(link);
  relay.hash = "";
  tunnelUrl(relay.href); // nothing else may stand in it
  return { relay, secret };
}

async function trade(relay: URL, secret: string, given: JoinRequest["given"]): Promise<z.infer<typeof joinedSchema>> {
  const settings = dial(tunnelUrl(relay.href), {
    caFile: textIn(given, "ca-file"),
    certFile: textIn(given, "cert-file"),
    keyFile: textIn(given, "key-file"),
    headers: Array.isArray(given.header) ? given.header.map(String) : [],
  });
  const url = new URL(`${withoutSlash(relay)}/join`);
  const { ok, failure } = await postJson(url, { secret, hostname: hostname() }, { ...settings, limitMs: LIMIT_MS });
  if (failure !== undefined) throw dialError(relay.host, failure, "TW_RELAY_NONSENSE");
  if (ok.status === 200) {
    const joined = joinedSchema.safeParse(jsonIn(ok.text)).data;
    if (joined !== undefined) return joined;
  }
  const said = z.object({ message: z.string() }).safeParse(jsonIn(ok.text)).data?.message ?? `HTTP ${ok.status}`;
  if (ok.status === 401) throw new TreewireError("TW_INVITE_REJECTED", relay.host, { detail: said });
  throw new TreewireError("TW_RELAY_NONSENSE", relay.host, { detail: `HTTP ${ok.status}: ${said}` });
}

/** The settings of the command line, as a file has them. The directory that is searched stands in it: others may start it. */
function settingsOf(given: JoinRequest["given"]): Record<string, string | string[]> {
  const settings: Record<string, string | string[]> = { root: [process.cwd()] };
  for (const name of Object.keys(AGENT_SETTINGS.settings)) {
    const value = given[name];
    const inFile = (each: unknown) => (PATHS.has(name) ? resolve(String(each)) : String(each));
    if (Array.isArray(value)) settings[name] = value.map(inFile);
    else if (value !== undefined) settings[name] = inFile(value);
  }
  return settings;
}

/**
 * Opens the files that will be written, beside those that they replace.
 *
 * @returns writes both; `end` takes away what was not put in place
 */
function prepare(directory: string, files: { config: string; token: string }) {
  const refuse = (error: unknown) =>
    new TreewireError("TW_CONFIG_DIR", directory, { detail: systemCode(error) ?? messageOf(error), cause: error });
  const scratch = (path: string) => `${path}.${process.pid}.new`;
  const open = (path: string) => openSync(scratch(path), "wx", 0o600);
  const opened: number[] = [];
  const end = () => {
    for (const file of opened.splice(0)) closeSync(file);
    for (const path of Object.values(files)) rmSync(scratch(path), { force: true });
  };
  try {
    makeDirectoriesSync(directory, 0o700);
    opened.push(open(files.token), open(files.config));
  } catch (error) {
    end();
    throw refuse(error);
  }
  const write = (config: string, token: string) => {
    try {
      const [tokenFile = -1, configFile = -1] = opened;
      for (const [file, text] of [
        [tokenFile, token],
        [configFile, config],
      ] as const) {
        writeSync(file, text);
        fsyncSync(file);
      }
      renameSync(scratch(files.token), files.token);
      renameSync(scratch(files.config), files.config);
    } catch (error) {
      throw refuse(error);
    }
  };
  return Object.assign(write, { end });
}

function withoutSlash({ origin, pathname }: URL): string {
  return `${origin}${pathname.replace(/\/+$/, "")}`;
}

function textIn(given: JoinRequest["given"], name: string): string | undefined {
  const value = given[name];
  return typeof value === "string" ? value : undefined;
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // the caller says so
  }
}
