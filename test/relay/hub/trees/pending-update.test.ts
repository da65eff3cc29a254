import t from "tap";
import { MAX_UNIFIED_DIFF_BYTES } from "../../../../src/protocol/index.js";
import { TunnelLimitError } from "../../../../src/relay/budgets/exceeded.js";
import { PendingUpdate } from "../../../../src/relay/hub/trees/pending-update.js";
import { fileOf } from "../../support/fake-agent.js";
import { updateOf } from "../../support/states.js";

t.test("parts count together once the last has come, in their order", (t) => {
  const first = updateOf([fileOf("a", "1")], { more: true, removes: ["t:x"] });
  const last = updateOf([fileOf("b", "1")], { removes: ["t:y"] });
  const pending = new PendingUpdate(first);
  t.equal(pending.add(first), undefined);
  t.ok(pending.belongsTo(last));
  t.match(pending.add(last), { upserts: [{ key: "t:a" }, { key: "t:b" }], removes: ["t:x", "t:y"], more: false });
  t.end();
});

t.test("a part of another state begins anew", (t) => {
  const pending = new PendingUpdate(updateOf([], { seq: 2, base: 1 }));
  t.notOk(pending.belongsTo(updateOf([], { seq: 3, base: 1 })), "seq");
  t.notOk(pending.belongsTo(updateOf([], { seq: 2, base: null })), "base");
  t.notOk(pending.belongsTo(updateOf([], { seq: 2, base: 1, epoch: "epoch-02" })), "epoch");
  t.end();
});

t.test("what has come is counted in UTF-16 units of its texts", (t) => {
  const file = fileOf("a", "漢");
  const part = updateOf([file], { more: true, removes: ["t:abc"] });
  const pending = new PendingUpdate(part);
  pending.add(part);
  t.equal(pending.units, file.key.length + file.path.length + file.header.length + file.hunks.length + 5);
  t.end();
});

t.test("an update that is larger than a diff can be is refused at the part that is too much", (t) => {
  const part = updateOf([fileOf("a", "", { hunks: "x".repeat(MAX_UNIFIED_DIFF_BYTES) })], { more: true });
  const pending = new PendingUpdate(part);
  for (let count = 0; count < 3; count += 1) pending.add(part);
  t.throws(
    () => pending.add(part),
    new TunnelLimitError("an update of /home/me/app is too large", "the update is too large"),
  );
  t.end();
});
