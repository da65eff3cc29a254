import t from "tap";
import { collapseIdents } from "../../../src/git/clean/ident.js";
import { hashBlob, SHA1 } from "../../../src/git/objects/object-id.js";
import fc from "../../support/fast-check.js";
import { createRepo } from "../../support/repo.js";
import { hashedByGit } from "./hashed-by-git.js";

const SEED = Number(process.env.TREEWIRE_TEST_SEED ?? 20_260_102);

t.test("idents are collapsed as git collapses them", async (t) => {
  const repo = createRepo(t);
  repo.write(".gitattributes", "* ident -text\n");
  const piece = fc.constantFrom(
    "$Id$",
    "$Id:",
    "$Id: 0123 $",
    "$",
    "Id",
    ":",
    " ",
    "\n",
    "\r\n",
    "x",
    "$Id:$",
    "$id: x $",
  );
  const content = fc.array(piece, { maxLength: 10 }).map((pieces) => Buffer.from(pieces.join("")));
  const contents = fc.sample(content, { numRuns: 300, seed: SEED });
  const expected = hashedByGit(repo, contents, (at) => `f${at}`);
  let collapsed = 0;
  for (const [at, bytes] of contents.entries()) {
    const ours = collapseIdents(bytes);
    if (ours !== bytes) collapsed += 1;
    if (hashBlob(ours, SHA1) !== expected[at]) t.fail(`${JSON.stringify(bytes.toString())}, seed ${SEED}`);
  }
  t.ok(collapsed > 30, `${collapsed} of ${contents.length} were collapsed, seed ${SEED}`);
});
