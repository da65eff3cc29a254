import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { bindChat, createToken } from "../../src/relay/commands.js";
import type { StorePlace } from "../../src/relay/index.js";
import type { ChatBinding } from "../../src/relay/store/index.js";
import { NatsServer } from "./nats-server.js";
import { type Exit, type Program, runProgram, startProgram } from "./program.js";
import { ALLOW_TEMP, type Cleanup, tempDir } from "./temp.js";

const listening = z.object({ event: z.literal("listening"), url: z.url() });

/** What a relay is started with besides. */
interface RelayOptions {
  args?: readonly string[];
  env?: NodeJS.ProcessEnv;
}

/** Where the state of relays is, and how commands are told. */
interface Place {
  place: StorePlace;
  args: readonly string[];
}

/** Whether all that has a {@link Stack} has agents at one relay and clients at another one. */
export const IS_CLUSTER = process.env.TREEWIRE_TEST_CLUSTER === "1";

/**
 * The built relay as a process, with what is needed to talk to it; with {@link IS_CLUSTER}, two that share a NATS server, of which
 * one has the agents and the other one everybody else.
 */
export class Stack {
  readonly #t: Cleanup;
  readonly #options: RelayOptions;
  readonly #where: Place;
  /** The relay that clients are to come to. */
  relay: Program;
  /** Its URL. */
  url = "";
  /** The one that agents are to come to, which may be the same. */
  home: Program;
  homeUrl = "";

  private constructor(t: Cleanup, where: Place, options: RelayOptions) {
    this.#t = t;
    this.#where = where;
    this.#options = options;
    this.relay = this.#serve("127.0.0.1:0");
    this.home = IS_CLUSTER ? this.#serve("127.0.0.1:0") : this.relay;
  }

  static async start(t: Cleanup, options: RelayOptions = {}): Promise<Stack> {
    const stack = new Stack(t, IS_CLUSTER ? await atNats(t) : inDirectory(join(tempDir(t), "data")), options);
    await stack.#ready();
    return stack;
  }

  /** Where its state is. */
  get place(): StorePlace {
    return this.#where.place;
  }

  /** The options by which its commands are told of that. */
  get placeArgs(): readonly string[] {
    return this.#where.args;
  }

  /** The directory of a relay that is alone. */
  get dataDir(): string {
    if (!("dataDir" in this.place)) throw new Error("relays at NATS have no directory");
    return this.place.dataDir;
  }

  /** Ends whatever relays there are. @returns how the one that clients came to has ended */
  async stopRelay(signal: NodeJS.Signals): Promise<Exit> {
    if (this.home !== this.relay) await this.home.stop(signal);
    return this.relay.stop(signal);
  }

  /** Starts the relay again, where it was. */
  async restartRelay(): Promise<void> {
    this.relay = this.#serve(new URL(this.url).host);
    this.home = IS_CLUSTER ? this.#serve(new URL(this.homeUrl).host) : this.relay;
    await this.#ready();
  }

  /** Makes a client's token. @returns its text */
  clientToken(user: string, admin = false): Promise<string> {
    return createToken(this.place, { kind: "client", user, admin });
  }

  /** Makes an agent's token. @returns the file that holds it */
  async agentToken(workspace: string): Promise<string> {
    const file = join(tempDir(this.#t), "token");
    writeFileSync(file, `${await createToken(this.place, { kind: "agent", workspace })}\n`);
    return file;
  }

  /** Makes a chat, or binds it anew. @returns its id */
  async bind(binding: Partial<ChatBinding> & { workspace: string }): Promise<string> {
    return (await bindChat(this.place, { chat: randomUUID(), ...binding })).id;
  }

  /** Starts an agent for a workspace, a new one by default, that connects to `relay`, by default where that is; unless `env` says another thing, it may show every {@link tempDir}. @param t the test with which it ends */
  async startAgent(
    t: Cleanup,
    options: {
      workspace?: string;
      tokenFile?: string;
      args?: readonly string[];
      env?: NodeJS.ProcessEnv;
      relay?: string;
    } = {},
  ) {
    const { workspace = randomUUID(), args = [], env = {}, relay = this.homeUrl } = options;
    const { tokenFile = await this.agentToken(workspace) } = options;
    const agent = startProgram(t, "agent", ["--relay", relay, "--token-file", tokenFile, ...args], {
      env: { ...ALLOW_TEMP, ...env },
    });
    return { workspace, agent };
  }

  #serve(listen: string): Program {
    const { args = [], env } = this.#options;
    const all = ["serve", ...this.placeArgs, "--listen", listen, ...args];
    return startProgram(this.#t, "relay", all, { ...(env !== undefined && { env }) });
  }

  async #ready(): Promise<void> {
    this.url = await urlOf(this.relay);
    this.homeUrl = this.home === this.relay ? this.url : await urlOf(this.home);
  }
}

async function urlOf(relay: Program): Promise<string> {
  const line = await relay.line("its first line", (text) => text.startsWith("{"));
  return listening.parse(JSON.parse(line)).url;
}

function inDirectory(dataDir: string): Place {
  return { place: { dataDir }, args: ["--data-dir", dataDir] };
}

async function atNats(t: Cleanup): Promise<Place> {
  const { url } = await NatsServer.start(t, tempDir(t));
  const args = ["--nats", url];
  const { status, stderr } = await runProgram(t, "relay", ["cluster", "init", ...args, "--replicas", "1"]);
  if (status !== 0) throw new Error(`relay cluster init: ${stderr}`);
  return { place: { nats: { servers: [url] } }, args };
}
