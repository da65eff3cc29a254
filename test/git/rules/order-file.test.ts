import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { OrderFile } from "../../../src/git/rules/order-file.js";
import fc from "../../support/fast-check.js";
import { createRepo } from "../../support/repo.js";

const SEED = Number(process.env.TREEWIRE_TEST_SEED ?? 20_260_102);
const PATHS = ["a", "a.c", "b/a", "b/a.c", "b/c/a", "b/c/d.h", "c.h", "d/e.h", "x y"];

const line = fc.constantFrom(
  "*.c",
  "*.h",
  "b",
  "b/",
  "b/*",
  "b/c",
  "a",
  "*a",
  "?",
  "# c",
  "",
  "x y",
  "/a",
  "[ab]*",
  "*/c/*",
  "d/*.h",
);

t.test("patches stand in the order that `git diff -O` prints", async (t) => {
  const repo = createRepo(t, Object.fromEntries(PATHS.map((path) => [path, "1\n"])));
  for (const path of PATHS) repo.write(path, "2\n");
  const file = join(repo.root, ".git/order");
  const property = fc.property(fc.array(line, { maxLength: 5 }), fc.boolean(), (lines, ends) => {
    writeFileSync(file, lines.join("\n") + (ends ? "\n" : ""));
    const order = new OrderFile(file);
    const ours = [...PATHS].sort().sort((a, b) => order.rank(a) - order.rank(b));
    const expected = repo.git("diff", `-O${file}`, "--name-only", "-z").split("\0").filter(Boolean);
    if (ours.join() !== expected.join()) throw new Error(`${ours}, and for git ${expected}`);
  });
  fc.assert(property, { numRuns: 60, seed: SEED });
  t.pass(`seed ${SEED}`);
});

t.test("an order file that is not there orders nothing", async (t) => {
  const order = new OrderFile("/nowhere/order");
  t.equal(order.rank("a"), order.rank("b/c"));
});
