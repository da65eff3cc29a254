// What changed comes with each state; whatever else happens, the relay is sent what a comparison of the lists would find.
import t from "tap";
import { snapshotOf } from "../../../src/agent/trees/snapshot.js";
import { TreeStream } from "../../../src/agent/trees/tree-stream.js";
import {
  compareKeys,
  diffFiles,
  type FileChanges,
  MAX_UNIFIED_DIFF_BYTES,
  sameFile,
  type TreeFile,
  type TreeMessage,
} from "../../../src/protocol/index.js";
import fc from "../../support/fast-check.js";
import { fileOf, stateOf } from "../../support/states.js";
import { TestLink } from "../../support/test-link.js";

/** What a relay makes of the updates of one tree; it refuses what says what it has already. */
class Model {
  readonly states = new Map<number, readonly TreeFile[]>();
  newest = 0;
  #parts: { upserts: TreeFile[]; removes: string[] } = { upserts: [], removes: [] };

  take({ seq, base, rest, upserts, removes, more }: TreeMessage): void {
    const last = this.#parts.upserts.pop();
    if (last !== undefined) {
      const { header = "", hunks = "" } = rest ?? {};
      this.#parts.upserts.push({ ...last, header: last.header + header, hunks: last.hunks + hunks });
    }
    this.#parts.upserts.push(...upserts);
    this.#parts.removes.push(...removes);
    if (more) return;
    this.#apply(seq, base, this.#parts.upserts, this.#parts.removes);
    this.#parts = { upserts: [], removes: [] };
  }

  #apply(seq: number, base: number | null, upserts: readonly TreeFile[], removes: readonly string[]): void {
    const before = base === null ? [] : this.states.get(base);
    if (before === undefined) throw new Error(`it never got ${base}`);
    const files = new Map(before.map((file) => [file.key, file]));
    for (const key of removes) if (!files.delete(key)) throw new Error(`${key} is removed and was not there`);
    for (const file of upserts) {
      if (sameFile(files.get(file.key), file)) throw new Error(`${file.key} is sent and was there`);
      files.set(file.key, file);
    }
    for (const list of [removes, upserts.map(({ key }) => key)]) {
      if (list.some((key, at) => at > 0 && compareKeys(list[at - 1] ?? "", key) >= 0)) throw new Error("not in order");
    }
    this.states.set(
      seq,
      [...files.values()].sort((a, b) => compareKeys(a.key, b.key)),
    );
    this.newest = seq;
  }
}

/** Over the wire contract's limit with another of its kind, and within it alone. */
const LARGE = "x".repeat(MAX_UNIFIED_DIFF_BYTES / 2);
const someFiles = fc
  .uniqueArray(fc.tuple(fc.constantFrom("t:a", "t:b", "t:c", "u:d"), fc.constantFrom("1", "2", "large")), {
    selector: ([key]) => key,
  })
  .map((list) => list.map(([key, text]) => fileOf(key, text)).sort((a, b) => compareKeys(a.key, b.key)));

/** A file without its megabytes: what is compared and printed. */
const brief = (file: TreeFile): TreeFile => ({ ...file, hunks: briefText(file.hunks) });
const briefText = (text: string): string => (text.length > 9 ? `${text.length} units` : text);

type Step =
  | { kind: "update"; files: TreeFile[]; branch: string }
  | { kind: "ack" | "resync" | "unwatched" | "watched" | "disconnect" }
  | { kind: "connect"; resume: "newest" | "acknowledged" | "nothing" };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant("update" as const),
        files: someFiles,
        branch: fc.constantFrom("main", "other"),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constantFrom(
          "ack" as const,
          "ack" as const,
          "resync" as const,
          "unwatched" as const,
          "watched" as const,
        ),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("disconnect" as const) }) },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant("connect" as const),
        resume: fc.constantFrom("newest" as const, "acknowledged" as const, "nothing" as const),
      }),
    },
  ),
  { maxLength: 40 },
);

/**
 * Lets the steps happen to a stream.
 *
 * @param changesOf what is said of what changed
 * @param cutsFiles the relay takes files in pieces, which takes long for so many megabytes
 */
function run(
  list: readonly Step[],
  changesOf: (before: readonly TreeFile[], after: readonly TreeFile[]) => FileChanges | undefined,
  cutsFiles = false,
) {
  const stream = new TreeStream("/r");
  const model = new Model();
  let link = new TestLink(cutsFiles);
  let taken = 0;
  let acknowledged = 0;
  let files: readonly TreeFile[] = [];
  const sent: TreeMessage[] = [];
  stream.setWatched(true);
  stream.connect(link);
  const update = (sketch: readonly TreeFile[], branch: string) => {
    const to = sketch.map((file) => (file.hunks === "large" ? { ...file, hunks: LARGE } : file));
    const changes = changesOf(files, to);
    files = to;
    stream.update(snapshotOf({ ...stateOf("/r", to), branch }), changes);
  };
  const take = () => {
    for (; taken < link.trees.length; taken += 1) {
      const message = link.trees[taken] as TreeMessage;
      model.take(message);
      sent.push({
        ...message,
        epoch: "any",
        upserts: message.upserts.map(brief),
        ...(message.rest !== undefined && { rest: { ...message.rest, hunks: briefText(message.rest.hunks) } }),
      });
    }
  };
  const ack = () => {
    if (model.newest === 0) return;
    acknowledged = model.newest;
    stream.ack({ epoch: stream.epoch, seq: acknowledged });
  };
  const connect = (seq: number) => {
    link = new TestLink(cutsFiles);
    taken = 0;
    stream.connect(link, seq === 0 ? {} : { held: { epoch: stream.epoch, seq } });
  };
  const step = (one: Step) => {
    if (one.kind === "update") update(one.files, one.branch);
    else if (one.kind === "ack") ack();
    else if (one.kind === "resync") stream.resync();
    else if (one.kind === "disconnect") stream.disconnect();
    else if (one.kind === "connect") connect({ newest: model.newest, acknowledged, nothing: 0 }[one.resume]);
    else stream.setWatched(one.kind === "watched");
    take();
  };
  for (const one of list) step(one);
  // in the end it is all acknowledged: the relay has the newest state
  stream.setWatched(true);
  connect(acknowledged);
  update(files, "end");
  take();
  ack();
  take();
  ack();
  const want = snapshotOf(stateOf("/r", files)).files;
  return { sent, have: model.states.get(model.newest)?.map(brief), want: want.map(brief) };
}

t.test("whatever happens, the relay gets the newest state, and no file that it has", async (t) => {
  const property = fc.property(steps, (list) => {
    const { have, want } = run(list, diffFiles, true);
    return JSON.stringify(have) === JSON.stringify(want);
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 300 }));
});

t.test("the messages are the same whether what changed is known, is not, or holds more than it must", async (t) => {
  const property = fc.property(steps, (list) => {
    const known = JSON.stringify(run(list, diffFiles).sent);
    const unknown = JSON.stringify(run(list, () => undefined).sent);
    const generous = run(list, (before, after) => {
      const keys = [...before, ...after].map(({ key }) => key);
      return new Map(keys.map((key) => [key, after.find((file) => file.key === key)]));
    });
    return known === unknown && known === JSON.stringify(generous.sent);
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 200 }));
});

t.test("files that come and go while nothing is sent leave nothing behind", async (t) => {
  const stream = new TreeStream("/r");
  const link = new TestLink();
  stream.setWatched(true);
  stream.connect(link);
  const rests = stateOf("/r", [fileOf("t:rests")]);
  stream.update(snapshotOf(rests));
  stream.ack(link.last);
  stream.setWatched(false);
  for (let at = 0; at < 1000; at += 1) {
    const file = fileOf(`u:passing-${at}`);
    stream.update(snapshotOf(stateOf("/r", [...rests.files, file])), new Map([[file.key, file]]));
    stream.update(snapshotOf(rests), new Map([[file.key, undefined]]));
  }
  stream.update(snapshotOf(stateOf("/r", [])), new Map([["t:rests", undefined]]));
  stream.setWatched(true);
  t.match(link.last, { upserts: [], removes: ["t:rests"] });
});
