import { TrackStore } from "../../src/agent/chats/track-store.js";
import { Daemon, type DaemonOptions } from "../../src/agent/daemon.js";
import { tunnelUrl } from "../../src/agent/tunnel/tunnel-url.js";
import { fixedToken, silentLogger } from "../../src/util/index.js";
import { FakeRelay } from "./fake-relay.js";
import { FakeTrees } from "./fake-trees.js";
import { fileOf } from "./states.js";
import type { Cleanup } from "./temp.js";

/** A daemon between a relay that the test plays and trees that it makes up: `/w/a` with a change, `/w/b` without. */
export async function startDaemon(t: Cleanup, options: Partial<DaemonOptions> = {}) {
  const relay = await FakeRelay.start(t);
  const trees = new FakeTrees();
  trees.directories.add("/w");
  trees.repositories.set("/w/a", [fileOf("t:one")]);
  trees.repositories.set("/w/b", []);
  const daemon = new Daemon({
    url: tunnelUrl(relay.url),
    token: fixedToken("secret"),
    roots: ["/w"],
    agent: "treewire/test",
    logger: silentLogger(),
    source: trees,
    finder: trees,
    tracked: TrackStore.unremembered(silentLogger()),
    times: { pendingMs: 10, discoverMs: 20, lingerMs: 30 },
    ...options,
  });
  const ended = daemon.run();
  t.teardown(async () => {
    await daemon.stop();
    await ended.catch(() => {}); // a test that wants to know awaits it itself
  });
  return { relay, trees, daemon, ended };
}
