import t from "tap";
import { toUtf8, workingTreeEncoding } from "../../../src/git/clean/encoding.js";
import { hashBlob, SHA1 } from "../../../src/git/objects/object-id.js";
import fc from "../../support/fast-check.js";
import { createRepo } from "../../support/repo.js";
import { hashedByGit } from "./hashed-by-git.js";

const SEED = Number(process.env.TREEWIRE_TEST_SEED ?? 20_260_102);
const ENCODINGS = [
  "UTF-16",
  "UTF-16LE",
  "utf-16be",
  "UTF-16LE-BOM",
  "UTF-32",
  "UTF-32LE",
  "ISO-8859-1",
  "windows-1252",
];

/** Text in UTF-16, with a byte order mark or without, or bytes that are whatever they are. */
const content = fc.oneof(
  fc
    .tuple(
      fc.constantFrom("", "\ufeff"),
      fc.stringMatching(/^[aé€\n \ufffd]{1,12}$/),
      fc.constantFrom("", "", "", "\ud800", "\udc00a", "\ud83d\ude00"),
      fc.boolean(),
    )
    .map(([mark, text, surrogates, swaps]) => {
      const bytes = Buffer.from(mark + text + surrogates, "utf16le");
      return swaps ? bytes.swap16() : bytes;
    }),
  fc.constantFrom("latin", "é€").map((text) => Buffer.from(text, "latin1")),
  fc.constantFrom("\xff\xfe\0\0a\0\0\0", "a\0\0\0", "\0\0\xfe\xff\0\0\0a").map((text) => Buffer.from(text, "latin1")),
);

t.test("an encoding is turned into UTF-8 as git turns it, or the bytes stay where git complains", async (t) => {
  const repo = createRepo(t);
  const lines = ENCODINGS.map((name, at) => `*.${at} -text working-tree-encoding=${name}\n`);
  repo.write(".gitattributes", lines.join(""));
  const contents = fc.sample(content, { numRuns: 240, seed: SEED });
  const expected = hashedByGit(repo, contents, (at) => `f${at}.${at % ENCODINGS.length}`);
  let converted = 0;
  for (const [at, bytes] of contents.entries()) {
    const name = workingTreeEncoding(ENCODINGS[at % ENCODINGS.length]) ?? "";
    const ours = toUtf8(bytes, name);
    if (ours !== undefined) converted += 1;
    if (hashBlob(ours ?? bytes, SHA1) !== expected[at]) t.fail(`${name}: ${bytes.toString("hex")}, seed ${SEED}`);
  }
  t.ok(converted > 60, `${converted} of ${contents.length} were converted, seed ${SEED}`);
});

t.test("UTF-8 is no conversion, and an unknown encoding an error", async (t) => {
  for (const value of ["UTF-8", "utf8", "", true, false, undefined]) t.equal(workingTreeEncoding(value), undefined);
  t.throws(() => toUtf8(Buffer.from("a"), "ebcdic-xx"), new RangeError("ebcdic-xx"));
});
