import type { ChannelHost } from "../../../src/relay/hub/channel-host.js";
import { FrameCache } from "../../../src/relay/hub/streams/frame-cache.js";
import type { TreeState } from "../../../src/relay/hub/trees/tree-state.js";
import { TurnShare } from "../../../src/relay/hub/turn-share.js";

/** A workspace of which a test decides everything. */
export class FakeHost implements ChannelHost {
  agentIsConnected = true;
  agentCompares = true;
  agentAwayMessage = "away";
  turn = new TurnShare();
  frames = new FrameCache(this.turn);
  blocked = new Set<never>() as ChannelHost["blocked"];
  readonly held = new Map<string, TreeState>();
  readonly times = new Map<string, number>();
  live: ReadonlySet<string> = new Set();
  /** The answers that are awaited, oldest first. */
  readonly asked: ((scannedAt: number) => void)[] = [];
  state = (root: string) => this.held.get(root);
  isLive = (root: string) => this.live.has(root);
  scannedAt = (root: string) => this.times.get(root) ?? 0;
  tombstones = () => ["/a", "/former"];
  refresh = () => new Promise<number>((resolve) => this.asked.push(resolve));
}
