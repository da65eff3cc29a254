import { Chats, type ChatsOptions } from "../../src/agent/chats/chats.js";
import { Discovery } from "../../src/agent/chats/locate.js";
import { TrackStore } from "../../src/agent/chats/track-store.js";
import { Trees } from "../../src/agent/trees/trees.js";
import { silentLogger } from "../../src/util/index.js";
import { FakeClock } from "./fake-clock.js";
import { FakeTrees } from "./fake-trees.js";
import { fileOf } from "./states.js";
import { TestLink } from "./test-link.js";

/** Chats between trees that the test makes up (`/w/a` with a change, `/w/b` without), a link and a clock of its own. */
export class ChatWorld {
  readonly disk = new FakeTrees();
  readonly clock = new FakeClock();
  readonly tracked = TrackStore.unremembered(silentLogger());
  readonly trees: Trees;
  readonly chats: Chats;
  /** How often the roots were searched. */
  searches = 0;
  /** Says that another search may find other repositories, as a watch of the searched directories does. */
  foundAnother: () => void = () => {};

  constructor(options: Partial<ChatsOptions> = {}) {
    const { disk, clock, tracked } = this;
    disk.directories.add("/w");
    disk.repositories.set("/w/a", [fileOf("t:one")]);
    disk.repositories.set("/w/b", []);
    const logger = silentLogger();
    const findRepositories = (dir: string) => {
      this.searches += 1;
      return disk.findRepositories(dir);
    };
    const onOutdated = (listener: () => void): void => {
      this.foundAnother = listener;
    };
    const discovery = new Discovery(["/w"], { findRepositories, onOutdated }, logger, clock);
    this.trees = new Trees({ source: disk, logger, onPresence: (root) => this.chats.presenceChanged(root) });
    this.chats = new Chats({ trees: this.trees, discovery, finder: disk, tracked, logger, clock, ...options });
  }

  /** A new connection, over which the relay has said nothing yet. */
  connect(): TestLink {
    const link = new TestLink();
    this.trees.connect(link, new Map());
    this.chats.connect(link);
    return link;
  }

  disconnect(): void {
    this.trees.disconnect();
    this.chats.disconnect();
  }

  /** Moves time on and lets everything settle that it sets off. */
  async pass(ms: number): Promise<void> {
    await this.clock.advance(ms);
    await this.settle();
  }

  /** Lets promises and immediates run until none is left that the fakes set off: each path takes one turn. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
  }
}
