import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import type { ServerMessage } from "../../../src/protocol/index.js";
import { GitStream, Hub } from "../../../src/relay/hub/index.js";
import { DEFAULT_LIMITS } from "../../../src/relay/limit-options.js";
import { SqliteStore } from "../../../src/relay/store/index.js";
import { silentLogger } from "../../../src/util/index.js";
import fc from "../../support/fast-check.js";
import { type Cleanup, tempDir } from "../../support/temp.js";
import { until } from "../../support/until.js";
import { attachAnswering } from "../support/answering-link.js";
import { fileOf, metaOf } from "../support/fake-agent.js";
import { APP, updateOf } from "../support/states.js";

const WORKSPACE = "11111111-1111-4111-8111-111111111111";
const CHAT = "33333333-3333-4333-8333-333333333333";
/** So many that one turn of the loop does not serve them all. */
const VIEWERS = 150;

function open(t: Cleanup) {
  const store = new SqliteStore(tempDir(t));
  t.teardown(() => store.close());
  const { chatRoots, treeStates } = store;
  const hub = new Hub({ chatRoots, treeStates, log: silentLogger(), limits: DEFAULT_LIMITS });
  const workspace = hub.workspace(WORKSPACE);
  const link = attachAnswering(workspace);
  const shown: string[][] = [];
  for (let number = 0; number < VIEWERS; number += 1) {
    const diffs: string[] = [];
    shown.push(diffs);
    const outlet = {
      send(frame: { data: { payload: Buffer } }, done: () => void) {
        const message: ServerMessage = JSON.parse(String(frame.data.payload));
        if (message.type === "changes" && message.repositories?.[0]) diffs.push(message.repositories[0].unified_diff);
        // some read at once, some later
        if (number % 3 === 0) setImmediate(() => setImmediate(done));
        else setImmediate(done);
        burn(); // as the write to a socket is
      },
      onBlocked() {},
      onDrained() {},
      onFailed(thrown: unknown) {
        throw thrown;
      },
    };
    const viewer = hub.watch(
      { workspace: WORKSPACE, chat: CHAT, paths: [] },
      { outlet, stream: new GitStream(), acceptsStale: false },
    );
    t.teardown(() => hub.leave(viewer, { mayReturn: false }));
  }
  workspace.receive(link, { type: "chat", chat: CHAT, roots: [APP] });
  let seq = 0;
  const tell = (text: string) => {
    seq += 1;
    const base = seq === 1 ? null : seq - 1;
    workspace.receive(link, updateOf([fileOf("x", text)], { seq, base, meta: metaOf() }));
  };
  return { shown, tell };
}

function burn(): void {
  const end = performance.now() + 0.1;
  while (performance.now() < end);
}

t.test(
  "however many look at a tree and however fast it changes, each ends with what is true, and is told nothing twice",
  async (t) => {
    const texts = fc.array(fc.record({ text: fc.constantFrom("a", "b", "c"), turns: fc.nat(3) }), {
      minLength: 1,
      maxLength: 12,
    });
    const property = fc.asyncProperty(texts, async (edits) => {
      const teardowns: (() => void)[] = [];
      const { shown, tell } = open({ teardown: (job) => void teardowns.unshift(job as () => void) } as Cleanup);
      try {
        for (const { text, turns } of edits) {
          tell(text);
          for (let turn = 0; turn < turns; turn += 1) await nextTurn();
        }
        const last = `+${edits.at(-1)?.text}\n`;
        await until("all have the last state", () => shown.every((diffs) => diffs.at(-1)?.endsWith(last)));
        for (let turn = 0; turn < 10; turn += 1) await nextTurn();
        t.ok(shown.every((diffs) => diffs.at(-1)?.endsWith(last)));
        const toldTwice = shown.filter((diffs) => diffs.some((diff, at) => diff === diffs[at - 1]));
        t.equal(toldTwice.length, 0);
      } finally {
        for (const job of teardowns) job();
      }
    });
    await fc.assert(property, { numRuns: 20 });
  },
);
