import { execFileSync } from "node:child_process";
import t from "tap";
import { unquoteCStyle } from "../../../src/git/rules/c-quoting.js";
import fc from "../../support/fast-check.js";
import { createRepo, GIT_ENV } from "../../support/repo.js";

const SEED = Number(process.env.TREEWIRE_TEST_SEED ?? 20_260_102);

t.test("names that git quotes are read", async (t) => {
  const repo = createRepo(t);
  const oid = repo.git("hash-object", "-w", "/dev/null");
  // Any byte but NUL and the slash; the one in front keeps a name from being "." or "..".
  const byte = fc.integer({ min: 1, max: 255 }).filter((code) => code !== 0x2f);
  const name = fc.array(byte, { minLength: 1, maxLength: 8 }).map((bytes) => Buffer.from([0x80, ...bytes]));
  const names = fc.sample(name, { numRuns: 400, seed: SEED });
  const lines = names.flatMap((name) => [Buffer.from(`100644 ${oid} 0\t`), name, Buffer.of(0)]);
  const options = { cwd: repo.root, env: GIT_ENV };
  execFileSync("git", ["update-index", "-z", "--index-info"], { ...options, input: Buffer.concat(lines) });
  const raw = execFileSync("git", ["ls-files", "-z"], options).toString("latin1").split("\0").slice(0, -1);
  const quoted = execFileSync("git", ["ls-files"], options).toString("latin1").split("\n").slice(0, -1);
  t.same(
    quoted.map((line) => unquoteCStyle(`${line} and more`)),
    raw.map((text, at) => ({ text, end: quoted[at]?.length })),
    `seed ${SEED}`,
  );
  t.ok(raw.length > 300);
});

t.test("what is not well formed is no quoted name", async (t) => {
  for (const text of ['"', '"a', '"a\\"', '"\\x"', '"\\8"', '"\\12"', '"\\400"'])
    t.equal(unquoteCStyle(text), undefined, text);
});
