import { spawnSync } from "node:child_process";
import t from "tap";
import { toUtf8, workingTreeEncoding } from "../../../src/git/clean/encoding.js";
import { hashBlob, SHA1 } from "../../../src/git/objects/object-id.js";
import fc from "../../support/fast-check.js";
import { Random } from "../../support/random.js";
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

/** As the C library has them; names with a slash are no attribute's. */
const NAMES = spawnSync("iconv", ["-l"], { encoding: "utf8" })
  .stdout?.split("\n")
  .map((line) => line.replace(/\/\/$/, "").trim())
  .filter((name) => name !== "" && !name.includes("/"));

const NO_ICONV = NAMES === undefined && "the program iconv is not here";

/** Text that an encoding has at least parts of, and bytes that are whatever they are. */
const TEXT = "abc \\~ Hello, é ü 日本語 かな 中文 〜 한국어 Жук αβγ ế ề\n";

function encoded(name: string, text: string): Buffer {
  return spawnSync("iconv", ["-c", "-f", "UTF-8", "-t", `${name}//IGNORE`], { input: text }).stdout;
}

t.test(
  "every encoding that the C library knows is turned into UTF-8 as git turns it",
  { skip: NO_ICONV },
  async (t) => {
    const names = NAMES ?? [];
    const repo = createRepo(t);
    repo.write(".gitattributes", names.map((name, at) => `*.${at} -text working-tree-encoding=${name}\n`).join(""));
    const random = new Random(SEED);
    const contents = names.map((name, at) => {
      if ((at + random.below(2)) % 2 === 0) return Buffer.concat([encoded(name, TEXT), Buffer.from("\n")]);
      const bytes = Array.from({ length: 1 + random.below(6) }, () => random.below(256));
      return Buffer.from([...bytes, 0x0a]);
    });
    const expected = hashedByGit(repo, contents, (at) => `f.${at}`);
    let converted = 0;
    for (const [at, bytes] of contents.entries()) {
      const name = workingTreeEncoding(names[at]);
      const ours = name === undefined ? bytes : toUtf8(bytes, name);
      if (ours !== undefined) converted += 1;
      if (hashBlob(ours ?? bytes, SHA1) !== expected[at]) t.fail(`${name}: ${bytes.toString("hex")}, seed ${SEED}`);
    }
    t.ok(converted > names.length / 2, `${converted} of ${names.length} were converted, seed ${SEED}`);
  },
);

t.test("random bytes in the encodings of which tables differ, as git turns them", { skip: NO_ICONV }, async (t) => {
  const names = "SHIFT_JIS EUC-JP MACINTOSH GB18030 CP932 ISO-2022-JP UHC EUC-TW BIG5 GBK EUC-KR KOI8-R CP1251 UTF-7";
  const differing = names.split(" ");
  const repo = createRepo(t);
  repo.write(".gitattributes", differing.map((name, at) => `*.${at} -text working-tree-encoding=${name}\n`).join(""));
  const byte = fc.oneof(fc.integer({ min: 0x80, max: 0xff }), fc.integer({ min: 0x20, max: 0x7e }));
  const contents = fc.sample(fc.array(byte, { minLength: 1, maxLength: 6 }), {
    numRuns: 40 * differing.length,
    seed: SEED,
  });
  const expected = hashedByGit(
    repo,
    contents.map((bytes) => Buffer.from(bytes)),
    (at) => `f${at}.${at % differing.length}`,
  );
  for (const [at, bytes] of contents.entries()) {
    const name = workingTreeEncoding(differing[at % differing.length]) ?? "";
    const content = Buffer.from(bytes);
    const ours = toUtf8(content, name);
    if (hashBlob(ours ?? content, SHA1) !== expected[at]) t.fail(`${name}: ${content.toString("hex")}, seed ${SEED}`);
  }
});

t.test("where git loses the last character of a file, it is refused instead", { skip: NO_ICONV }, async (t) => {
  t.throws(() => toUtf8(Buffer.from("abc"), "cp1258"), new RangeError("cp1258"));
  t.equal(String(toUtf8(Buffer.from("abc\n"), "cp1258")), "abc\n");
});

t.test("a name is never a file's, nor an option", async (t) => {
  for (const name of ["./table", "/etc/passwd", "--help", "latin1//translit", "a b", ""]) {
    t.throws(() => toUtf8(Buffer.from("a"), name), new RangeError(name));
  }
});

t.test("UTF-8 is no conversion, and an unknown encoding an error", async (t) => {
  for (const value of ["UTF-8", "utf8", "", true, false, undefined]) t.equal(workingTreeEncoding(value), undefined);
  t.throws(() => toUtf8(Buffer.from("a"), "ebcdic-xx"), new RangeError("ebcdic-xx"));
});
