import t from "tap";
import { diffFiles, type TreeFile } from "../../../../src/protocol/index.js";
import { countFiles } from "../../../../src/relay/hub/trees/files-count.js";
import {
  applyUpdate,
  changesBetween,
  restoreState,
  standIn,
  type TreeState,
} from "../../../../src/relay/hub/trees/tree-state.js";
import { TreeView } from "../../../../src/relay/hub/trees/tree-view.js";
import fc from "../../../support/fast-check.js";
import { fileOf } from "../../support/fake-agent.js";
import { nextState, stateOf, updateOf } from "../../support/states.js";

const keys = ({ files }: TreeState) => files.map(({ key }) => key);

t.test("a whole state is sorted, with each key once, whatever the order in which it came", (t) => {
  const state = stateOf([fileOf("b", "1"), fileOf("a", "1"), fileOf("b", "2")]);
  t.same(keys(state), ["t:a", "t:b"]);
  t.match(state.files[1]?.hunks, "+2");
  t.equal(state.changes, undefined, "there is nothing before it");
  t.end();
});

t.test("a change carries what differs from the state before, and keeps the other files", (t) => {
  const before = stateOf([fileOf("a", "1"), fileOf("b", "1"), fileOf("c", "1")]);
  const state = nextState(before, { upserts: [fileOf("d", "1"), fileOf("b", "2")], removes: ["t:a"] });
  t.same(keys(state), ["t:b", "t:c", "t:d"]);
  t.equal(state.files[1], before.files[2], "the same object");
  t.equal(state.changes?.base, before.seq);
  t.same([...(state.changes?.files ?? [])], [...diffFiles(before.files, state.files)]);
  t.end();
});

t.test("what a change says again counts for nothing", (t) => {
  const before = stateOf([fileOf("a", "1")]);
  const state = nextState(before, { upserts: [fileOf("a", "1")], removes: ["t:nowhere"] });
  t.equal(state.changes?.files.size, 0);
  t.equal(state.files, before.files);
  t.equal(state.view, before.view, "clients are shown the same");
  t.end();
});

t.test("a key that an update both removes and sends is there", (t) => {
  const before = stateOf([fileOf("a", "1")]);
  const state = nextState(before, { upserts: [fileOf("a", "2")], removes: ["t:a"] });
  t.match(state.files, [{ key: "t:a", hunks: /\+2/ }]);
  t.end();
});

t.test("a whole state of the same epoch carries what differs as well", (t) => {
  const before = stateOf([fileOf("a", "1"), fileOf("b", "1")]);
  const state = applyUpdate(before, updateOf([fileOf("b", "1"), fileOf("c", "1")], { seq: 4 }));
  t.equal(state?.changes?.base, 1);
  t.same([...(state?.changes?.files.keys() ?? [])], ["t:a", "t:c"]);
  t.equal(state?.files[0], before.files[1], "unchanged files stay the same objects");
  t.end();
});

t.test("a whole state of another epoch shares no numbers with the one before", (t) => {
  const before = stateOf([fileOf("a", "1")]);
  const state = applyUpdate(before, updateOf([fileOf("a", "1")], { epoch: "epoch-02", seq: 2 }));
  t.equal(state?.changes, undefined);
  t.equal(state?.view, before.view, "it looks the same to clients");
  t.end();
});

t.test("a change of another base is no change of this state", (t) => {
  const before = stateOf([]);
  const change = updateOf([], { seq: 3, base: 2 });
  t.equal(applyUpdate(before, change), undefined, "another seq");
  t.equal(applyUpdate(before, { ...change, base: 1, epoch: "epoch-02" }), undefined, "another epoch");
  t.equal(applyUpdate(undefined, change), undefined, "nothing is here");
  t.end();
});

t.test("who skipped states is told what differs from the last one that was seen", (t) => {
  const first = stateOf([fileOf("a", "1"), fileOf("b", "1")]);
  const second = nextState(first, { upserts: [fileOf("a", "2")] });
  const third = nextState(second, { upserts: [fileOf("c", "1")], removes: ["t:b"] });
  t.equal(changesBetween(second, third), third.changes?.files, "the next one: as it travels");
  t.same([...changesBetween(first, third).keys()], ["t:a", "t:b", "t:c"]);
  t.end();
});

t.test("changes hold nothing of the state before but keys", (t) => {
  const before = stateOf([fileOf("a", "1"), fileOf("b", "1")]);
  const { changes, files } = nextState(before, { upserts: [fileOf("a", "2")], removes: ["t:b"] });
  t.same(
    [...(changes?.files ?? [])],
    [
      ["t:a", files[0]],
      ["t:b", undefined],
    ],
  );
  t.equal(changes?.files.get("t:a"), files[0]);
  t.end();
});

t.test("a size counts the characters of the texts", (t) => {
  const { header, hunks } = fileOf("a", "漢");
  t.equal(stateOf([fileOf("a", "漢")]).size, header.length + hunks.length);
  t.end();
});

t.test(
  "what is counted along with edits is what the files add up to, and the entry is that of the files",
  async (t) => {
    const kinds: Partial<TreeFile>[] = [
      {},
      { omitted_bytes: 7, hunks: "" },
      { omitted_files: 3, omitted_bytes: 9, hunks: "" },
      { withheld: "time", hunks: "" },
      { masked: 2 },
      { filter_not_run: "lfs", hunks: "" },
    ];
    const more = fc.constantFrom(...kinds);
    const drawn = fc.record({
      path: fc.constantFrom("a", "b", "c", "d", "e"),
      text: fc.string({ maxLength: 3 }),
      more,
    });
    const edit = fc.record({ upserts: fc.array(drawn, { maxLength: 4 }), removes: fc.subarray(["t:a", "t:b", "t:c"]) });
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 6 }), (edits) => {
        let state = stateOf([]);
        for (const { upserts, removes } of edits) {
          const files = upserts.map(({ path, text, more }) => fileOf(path, text, more));
          state = nextState(state, { upserts: files, removes });
          t.strictSame(state.count, countFiles(state.files));
          const anew = TreeView.of(state.root, state.meta, state.files).entry;
          t.equal(state.view.entry.units, anew.units);
          t.equal(String(state.view.entry.piece(0)), String(anew.piece(0)));
        }
      }),
    );
  },
);

t.test("a state from the store looks as it did", (t) => {
  const { view: _view, changes: _changes, size, ...stored } = stateOf([fileOf("a", "1")]);
  const state = restoreState(stored);
  t.equal(state.size, size);
  t.equal(state.changes, undefined);
  t.match(state.view.entry.piece(0).toString(), '"unified_diff":"diff --git a/a b/a');
  t.end();
});

t.test("credentials that an agent sends, or that were stored, are cut", (t) => {
  const meta = {
    ...stateOf([]).meta,
    remote_origin: "https://bob:ghp_secret@example.com/app.git",
    health: "ssh://git:secret@example.com/ is away",
  };
  const sent = applyUpdate(undefined, updateOf([], { meta }));
  const stored = restoreState({ ...stateOf([]), meta });
  for (const state of [sent, stored]) {
    t.equal(state?.meta.remote_origin, "https://example.com/app.git");
    t.equal(state?.meta.health, "ssh://git@example.com/ is away");
    t.notMatch(JSON.stringify(state), /secret/);
  }
  t.end();
});

t.test("states that stand for others for different reasons are of different epochs: frames are kept by those", (t) => {
  const head = stateOf([fileOf("a", "1")]);
  const [one, other] = [standIn(head, "one reason"), standIn(head, "another one")];
  t.same(
    [one, other].map(({ meta }) => meta.compare?.reason),
    ["one reason", "another one"],
  );
  t.not(one.epoch, other.epoch);
  t.not(one.epoch, head.epoch);
  t.equal(standIn(head, "another one"), other, "the same object for the same reason");
  t.end();
});
