import type { TreeFile, TreeMessage, TreeMeta } from "../../../src/protocol/index.js";
import { applyUpdate, type TreeState } from "../../../src/relay/hub/trees/tree-state.js";
import { metaOf } from "./fake-agent.js";

export const APP = "/home/me/app";
export const SCANNED_AT = "2026-03-05T10:11:12.345Z";

/** An update of one part, as an agent sends it. By default the whole first state of {@link APP}. */
export function updateOf(upserts: TreeFile[], more: Partial<TreeMessage> = {}): TreeMessage {
  return {
    type: "tree",
    root: APP,
    epoch: "epoch-01",
    seq: 1,
    base: null,
    meta: metaOf({ scanned_at: SCANNED_AT }),
    upserts,
    removes: [],
    more: false,
    ...more,
  };
}

/** A first state. */
export function stateOf(files: TreeFile[], more: Partial<TreeMessage> = {}): TreeState {
  return applied(undefined, updateOf(files, more));
}

/** The next state of the same epoch. */
export function nextState(
  before: TreeState,
  changes: { upserts?: TreeFile[]; removes?: string[]; meta?: Partial<TreeMeta> },
): TreeState {
  const { root, epoch, seq } = before;
  const meta = metaOf({ scanned_at: SCANNED_AT, ...changes.meta });
  const { upserts = [], removes = [] } = changes;
  return applied(before, updateOf(upserts, { root, epoch, seq: seq + 1, base: seq, meta, removes }));
}

function applied(before: TreeState | undefined, update: TreeMessage): TreeState {
  const state = applyUpdate(before, update);
  if (state === undefined) throw new Error("the update has another base");
  return state;
}
