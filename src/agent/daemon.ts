import {
  type AgentStatus,
  type Answer,
  type ControlReply,
  type ControlRequest,
  type RelayMessage,
  treeKey,
} from "../protocol/index.js";
import { type Logger, messageOf, type TokenSource, withoutCredentials } from "../util/index.js";
import type { DialSettings } from "../util/link/index.js";
import { realPathsOf } from "./chats/allowed-directories.js";
import { Chats, type ChatsOptions } from "./chats/chats.js";
import { Discovery, type RepositoryFinder } from "./chats/locate.js";
import type { TrackStore } from "./chats/track-store.js";
import { answerMessages } from "./questions/answer-messages.js";
import { Answers, type RepositoryReader } from "./questions/answers.js";
import { agentStatus } from "./service/status.js";
import type { Link, Resumption } from "./trees/link.js";
import type { SecretsPolicy } from "./trees/secrets-policy.js";
import type { TreeSource } from "./trees/streamed-tree.js";
import { Trees } from "./trees/trees.js";
import type { Welcome } from "./tunnel/connection.js";
import { Tunnel, type TunnelOptions, type TunnelStatus } from "./tunnel/tunnel.js";

/** So many of the chats that were tracked are named on a new connection. */
const MAX_NAMED = 1_000;

export interface DaemonOptions {
  /** The tunnel's address. */
  url: URL;
  token: TokenSource;
  dial?: () => DialSettings;
  /** Absolute paths of directories; a chat without paths shows the repositories found under them. */
  roots: readonly string[];
  /** Name and version of this program. */
  agent: string;
  logger: Logger;
  source: TreeSource;
  /** Reads repositories that are asked about; absent: no question is answered. */
  reader?: RepositoryReader;
  /** What is hidden of what is sent; absent: nothing is. */
  secrets?: SecretsPolicy | undefined;
  finder: RepositoryFinder;
  tracked: TrackStore;
  /** The directories that may be shown, for `agent status`. */
  allowed?: readonly string[];
  /** Whenever the connection is another than before. */
  onStatus?: (status: TunnelStatus) => void;
  /** Where events of files come from, when that is not the platform's default. */
  watcher?: AgentStatus["watcher"];
  /** What is wrong beside what the daemon itself knows, in words. */
  problems?: readonly string[];
  /** Times, for tests. */
  tunnel?: Partial<Pick<TunnelOptions, "times" | "retry">>;
  times?: Partial<Pick<ChatsOptions, "lingerMs" | "lostLingerMs" | "pendingMs" | "discoverMs">>;
}

/** The agent: what the relay asks, answered by chats and trees. */
export class Daemon {
  readonly tunnel: Tunnel;
  readonly #options: DaemonOptions;
  readonly #chats: Chats;
  /** Tells the relay which chats have touched paths, if it makes chats. */
  readonly #name: (chats: readonly string[]) => void;
  readonly #trees: Trees;
  readonly #discovery: Discovery;
  readonly #startedAt = Date.now();

  constructor(options: DaemonOptions) {
    const { url, token, roots, agent, logger, source, finder, tracked, times, dial, onStatus } = options;
    const trees = new Trees({
      source,
      logger,
      onPresence: (root) => this.#chats.presenceChanged(root),
      secrets: options.secrets,
    });
    const discovery = new Discovery(roots, finder, logger);
    const chats = new Chats({ trees, discovery, finder, tracked, logger, ...times });
    this.#options = options;
    this.#chats = chats;
    this.#trees = trees;
    this.#discovery = discovery;
    let link: Link | undefined;
    let makesChats = false;
    this.#name = (ids) => {
      if (makesChats) for (const chat of ids) link?.send({ type: "named", chat });
    };
    this.tunnel = new Tunnel({
      url,
      token,
      agent,
      secrets: options.secrets === undefined ? "send" : "withhold",
      logger,
      ...options.tunnel,
      ...(dial !== undefined && { dial }),
      ...(onStatus !== undefined && { onStatus }),
      onWelcome: (welcome, established) => {
        link = established;
        trees.connect(established, resumptions(welcome));
        chats.connect(established);
        makesChats = welcome.auto_bind === true;
        this.#name([...tracked.chats()].slice(-MAX_NAMED));
      },
      onLost: () => {
        link = undefined;
        trees.disconnect();
        chats.disconnect();
      },
      onMessage: (message) => {
        switch (message.type) {
          case "watch":
            void chats.watch(message.chat, message.paths, message);
            break;
          case "unwatch":
            chats.unwatch(message.chat, message.compare);
            break;
          case "refresh": {
            const asked = link;
            void chats.refresh(message.chat, message.compare).then((scannedAt) => {
              // another connection knows nothing of this question
              if (link !== asked) return;
              link?.send({ type: "refreshed", id: message.id, scanned_at: new Date(scannedAt).toISOString() });
            });
            break;
          }
          case "ack":
            trees.ack(message.root, message, message.compare);
            break;
          case "resync":
            trees.resync(message.root, message.compare);
            break;
          case "ask": {
            const asked = link;
            void this.#answer(message).then((answer) => {
              if (link === asked) link?.stream(answerMessages(message.id, answer), false);
            });
            break;
          }
          default:
            message satisfies never;
        }
      },
    });
  }

  async #answer({ chat, paths, base, question }: Extract<RelayMessage, { type: "ask" }>): Promise<Answer> {
    const { reader } = this.#options;
    if (reader === undefined) return { kind: "failure", why: "failed", message: "this agent answers no questions" };
    try {
      const located = await this.#chats.locate(chat, paths, base === undefined ? {} : { base });
      return await new Answers({ ...this.#options, reader }).answer(located, question);
    } catch (error) {
      return { kind: "failure", why: "failed", message: withoutCredentials(messageOf(error)).slice(0, 1000) };
    }
  }

  /** Runs until {@link stop}. @throws TreewireError when it would be useless to go on */
  run(): Promise<void> {
    return this.tunnel.run();
  }

  /** Answers a command of the user's. */
  async handle(request: ControlRequest): Promise<ControlReply> {
    const { tracked, url, watcher = null, problems = [], allowed = [] } = this.#options;
    switch (request.type) {
      case "track": {
        const chats = [...new Set([request.chat, ...request.ancestors])];
        await tracked.track(chats, await realPathsOf(request.paths), request.base);
        this.#name(chats);
        void this.#chats.trackedChanged(chats);
        return { type: "done" };
      }
      case "untrack":
        await tracked.untrack(request.chat, [...request.paths, ...(await realPathsOf(request.paths))]);
        void this.#chats.trackedChanged([request.chat]);
        return { type: "done" };
      case "status": {
        const status = await agentStatus({
          relay: url.host,
          startedAt: this.#startedAt,
          tunnel: this.tunnel.status,
          chats: this.#chats.status(),
          trees: this.#trees.status(),
          allowed,
          watcher,
          problems: [...problems, ...this.#discovery.troubles(), ...this.#chats.troubles()],
        });
        return { type: "status", status };
      }
    }
  }

  /** Leaves the relay and closes every tree. */
  async stop(): Promise<void> {
    await this.tunnel.stop();
    this.#chats.close();
  }
}

type Named = Pick<Welcome["held"][number], "root" | "compare">;

/** What the relay has of each tree, by the name that `treeKey` gives it. */
function resumptions({ held, partial = [] }: Welcome): Map<string, Resumption> {
  const keyOf = ({ root, compare }: Named): string => treeKey(root, compare);
  const byKey = new Map<string, Resumption>(held.map((state) => [keyOf(state), { held: state }]));
  for (const update of partial) byKey.set(keyOf(update), { ...byKey.get(keyOf(update)), partial: update });
  return byKey;
}
