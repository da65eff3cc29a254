import type { HubStore } from "../../test/relay/exchange/support/cluster.js";

/** The store of simulated relays: nothing is kept, for nobody comes back to it. */
export const KEPT_NOWHERE: HubStore = {
  chatRoots: {
    prepare: () => undefined,
    record: () => undefined,
    bury: () => undefined,
    present: () => [],
    tombstones: () => [],
    rowCount: () => 0,
  },
  treeStates: {
    prepare: () => undefined,
    save: async () => undefined,
    load: () => undefined,
    heads: () => [],
    rootsOtherThan: () => [],
    has: () => false,
    delete: () => undefined,
    rowCount: () => 0,
    sweep: () => undefined,
  },
};
