import type { Logger, TokenSource } from "../util/index.js";
import { Chats, type ChatsOptions } from "./chats.js";
import { Discovery, type RepositoryFinder } from "./locate.js";
import type { Link } from "./tree-stream.js";
import { type TreeSource, Trees } from "./trees.js";
import { Tunnel } from "./tunnel.js";

export interface DaemonOptions {
  /** The tunnel's address. */
  url: URL;
  token: TokenSource;
  /** Absolute paths of directories; a chat without paths shows the repositories found under them. */
  roots: readonly string[];
  /** Name and version of this program. */
  agent: string;
  logger: Logger;
  source: TreeSource;
  finder: RepositoryFinder;
  /** Times, for tests. */
  times?: Partial<Pick<ChatsOptions, "lingerMs" | "lostLingerMs" | "pendingMs" | "discoverMs">>;
}

/** The agent: what the relay asks, answered by chats and trees. */
export class Daemon {
  readonly tunnel: Tunnel;
  readonly #chats: Chats;

  constructor(options: DaemonOptions) {
    const { url, token, roots, agent, logger, source, finder, times } = options;
    const trees = new Trees({ source, logger, onPresence: (root) => this.#chats.presenceChanged(root) });
    const chats = new Chats({ trees, discovery: new Discovery(roots, finder, logger), finder, logger, ...times });
    this.#chats = chats;
    let link: Link | undefined;
    this.tunnel = new Tunnel({
      url,
      token,
      agent,
      logger,
      onWelcome: (welcome, established) => {
        link = established;
        trees.connect(established, new Map(welcome.held.map((held) => [held.root, held])));
        chats.connect(established);
      },
      onLost: () => {
        link = undefined;
        trees.disconnect();
        chats.disconnect();
      },
      onMessage: (message) => {
        switch (message.type) {
          case "watch":
            void chats.watch(message.chat, message.paths);
            break;
          case "unwatch":
            chats.unwatch(message.chat);
            break;
          case "refresh": {
            const asked = link;
            void chats.refresh(message.chat).then((scannedAt) => {
              // another connection knows nothing of this question
              if (link !== asked) return;
              link?.send({ type: "refreshed", id: message.id, scanned_at: new Date(scannedAt).toISOString() });
            });
            break;
          }
          case "ack":
            trees.ack(message.root, message);
            break;
          case "resync":
            trees.resync(message.root);
            break;
          default:
            message satisfies never;
        }
      },
    });
  }

  /** Runs until {@link stop}. @throws TreewireError when it would be useless to go on */
  run(): Promise<void> {
    return this.tunnel.run();
  }

  /** Leaves the relay and closes every tree. */
  async stop(): Promise<void> {
    await this.tunnel.stop();
    this.#chats.close();
  }
}
