import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { SecretsPolicy } from "../../../src/agent/trees/secrets-policy.js";
import { StreamedTree } from "../../../src/agent/trees/streamed-tree.js";
import type { Trouble } from "../../../src/agent/trees/trouble.js";
import { leaks, privateKey, samples } from "../../secrets/samples.js";
import { FakeTrees } from "../../support/fake-trees.js";
import { SEED } from "../../support/random.js";
import { fileOf } from "../../support/states.js";
import { tempDir } from "../../support/temp.js";
import { TestLink } from "../../support/test-link.js";

const [github] = samples(SEED);
const TOKEN = github?.text ?? "";
const BODY = github?.body ?? "";

/** A tree with a directory of its own, of which the first state has been acknowledged. */
async function live(t: Test, files = [fileOf("t:a", `@@ -1 +1 @@\n-a\n+${TOKEN}\n`), fileOf("u:.env")]) {
  const root = tempDir(t);
  const disk = new FakeTrees();
  disk.repositories.set(root, files);
  const troubles: Trouble[] = [];
  const handler = { onTrouble: (trouble: Trouble) => void troubles.push(trouble), onPresence: () => {} };
  const tree = new StreamedTree(root, handler, new SecretsPolicy({ allow: [], deny: [] }));
  const link = new TestLink();
  tree.connect(link, undefined);
  tree.setWatched(true);
  await tree.open(disk);
  tree.ack(link.last);
  return { root, tree, source: disk.tree(root), link, troubles };
}

t.test("what is sent of a tree has no secrets, and says of which files it has none", async (t) => {
  const { tree, source, link, troubles } = await live(t);
  t.match(link.last.upserts, [
    { key: "t:a", masked: 1, hunks: "@@ -1 +1 @@\n-a\n+ghp_[withheld:github-token]\n" },
    { key: "u:.env", withheld: "path", withheld_rule: ".env", hunks: "" },
  ]);
  t.match(tree.status(), { changed_files: 2, withheld_files: 1, masked_files: 1 });
  source.show([
    fileOf("t:a", `@@ -1 +1 @@\n-a\n+${TOKEN}\n`),
    fileOf("t:b"),
    fileOf("u:.env", "@@ -1 +1 @@\n-a\n+c\n"),
  ]);
  t.match(link.last, { base: 1, upserts: [{ key: "t:b" }], removes: [] });
  t.equal(link.last.upserts.length, 1, "of an edit in a file that is withheld, nobody hears");
  source.emit("trouble", { code: "TW_TREE_UNREADABLE", message: `cannot read ${TOKEN}` });
  t.same(leaks(JSON.stringify([link.messages, troubles]), BODY), []);
});

t.test("a tree's own file withholds more, in an epoch of its own", async (t) => {
  const { root, tree, source, link } = await live(t);
  const { epoch } = link.last;
  writeFileSync(join(root, ".treewire"), "secrets-deny t*.txt\nsecrets-allow .env\n");
  source.show([fileOf("t:test.txt"), fileOf("u:.env"), fileOf("u:.treewire")]);
  t.not(link.last.epoch, epoch);
  t.match(link.last, {
    base: null,
    upserts: [
      { key: "t:test.txt", withheld_rule: "t*.txt" },
      { key: "u:.env", withheld: "path" },
      { key: "u:.treewire" },
    ],
  });
  tree.ack(link.last);
  const second = link.last.epoch;
  rmSync(join(root, ".treewire"));
  source.show([fileOf("t:test.txt"), fileOf("u:.env")]);
  t.not(link.last.epoch, second);
  t.equal(link.last.upserts[0]?.withheld, undefined);
});

t.test("a tree that was gone begins anew, with what is hidden as before", async (t) => {
  const { source, link } = await live(t);
  source.vanish();
  source.show([fileOf("u:.env")]);
  t.match(link.last, { base: null, upserts: [{ key: "u:.env", withheld: "path" }] });
});

t.test("whether the middle of a key is one, the file on disk tells", async (t) => {
  const key = privateKey(SEED, "RSA");
  const lines = key.slice(9, 12).map((line) => ` ${line}\n`);
  const file = fileOf("t:key.txt", `@@ -10,3 +10,4 @@\n${lines.join("")}+QUJDREVGQUJDREVGQUJDREVGQUJDREVG\n`);
  const { root, tree, source, link } = await live(t, []);
  const body = [...key.slice(0, 12), "QUJDREVGQUJDREVGQUJDREVGQUJDREVG", ...key.slice(12)];
  writeFileSync(join(root, "key.txt"), `${body.join("\n")}\n`);
  source.show([file]);
  t.same(leaks(JSON.stringify(link.last), key.slice(1, -1).join("")), []);
  writeFileSync(join(root, "key.txt"), `${body.join("\n").replaceAll("RSA PRIVATE KEY", "CERTIFICATE")}\n`);
  tree.ack(link.last);
  source.show([]);
  tree.ack(link.last);
  source.show([file]);
  t.equal(link.last.upserts.at(-1)?.masked, undefined);
});
