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
  t.ok(pending.goesOnWith(last));
  t.match(pending.add(last), { upserts: [{ key: "t:a" }, { key: "t:b" }], removes: ["t:x", "t:y"], more: false });
  t.end();
});

t.test("a part of another state begins anew", (t) => {
  const pending = new PendingUpdate(updateOf([], { seq: 2, base: 1 }));
  t.notOk(pending.goesOnWith(updateOf([], { seq: 3, base: 1 })), "seq");
  t.notOk(pending.goesOnWith(updateOf([], { seq: 2, base: null })), "base");
  t.notOk(pending.goesOnWith(updateOf([], { seq: 2, base: 1, epoch: "epoch-02" })), "epoch");
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

/** What a part is refused with that makes no sense where it stands. */
const ORDER = Object.assign(new Error(), { close: "protocolError" });

const rest = (hunks: string, header = "") => ({ header, hunks });

t.test("a file that is cut is whole when all of it has come, behind files and before others", (t) => {
  const first = updateOf([fileOf("a", "1"), { ...fileOf("b", ""), header: "head ", hunks: "" }], {
    more: true,
    part: 0,
  });
  const pending = new PendingUpdate(first);
  pending.add(first);
  pending.add(updateOf([], { more: true, part: 1, rest: rest("", "of b") }));
  pending.add(updateOf([], { more: true, part: 2, rest: rest("one ") }));
  const update = pending.add(updateOf([fileOf("c", "1")], { part: 3, rest: rest("two") }));
  t.match(update?.upserts, [fileOf("a", "1"), { header: "head of b", hunks: "one two" }, fileOf("c", "1")]);
  t.notOk(update !== undefined && "rest" in update);
  t.end();
});

t.test("parts in an order that makes no sense are refused, and nothing of them counts", (t) => {
  const first = updateOf([fileOf("a", "1")], { more: true, part: 0 });
  const begun = () => {
    const pending = new PendingUpdate(first);
    pending.add(first);
    return pending;
  };
  const wrong = {
    "the same part again": first,
    "a part that comes too early": updateOf([], { part: 2 }),
    "the rest of nothing": updateOf([], { part: 1, rest: rest("") }),
    "the rest of a header behind hunks": updateOf([], { part: 1, rest: rest("", "x") }),
  };
  for (const [what, part] of Object.entries(wrong)) {
    const pending = begun();
    const { bytes } = pending;
    t.throws(() => pending.add(part), ORDER, what);
    t.equal(pending.bytes, bytes, what);
  }
  const headless = updateOf([], { part: 0, rest: rest("x") });
  t.throws(() => new PendingUpdate(headless).add(headless), ORDER, "the rest of no file");
  const late = updateOf([], { part: 1 });
  t.throws(() => new PendingUpdate(late).add(late), ORDER, "the second part first");
  t.end();
});

t.test("what slices cost counts as it comes, and a thousand small ones cost more than one", (t) => {
  const first = updateOf([fileOf("a", "1")], { more: true });
  const small = new PendingUpdate(first);
  const large = new PendingUpdate(first);
  for (const pending of [small, large]) pending.add(first);
  for (let count = 0; count < 1_000; count += 1) small.add(updateOf([], { more: true, rest: rest("x") }));
  large.add(updateOf([], { more: true, rest: rest("x".repeat(1_000)) }));
  t.equal(small.units, large.units);
  t.ok(small.bytes > large.bytes + 999 * 32);
  t.end();
});

t.test("a part without a number does not go on with parts that have one", (t) => {
  const first = updateOf([fileOf("a", "1")], { more: true, part: 0 });
  const pending = new PendingUpdate(first);
  t.notOk(pending.goesOnWith(updateOf([])));
  t.ok(pending.goesOnWith(updateOf([], { part: 1 })));
  t.notOk(new PendingUpdate(updateOf([])).isNumbered);
  t.end();
});
