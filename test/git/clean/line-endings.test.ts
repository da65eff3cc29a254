import t from "tap";
import { CrlfConverter, convertLineEndings, holdsCrlfText, lineEndings } from "../../../src/git/clean/line-endings.js";
import { hashBlob, SHA1 } from "../../../src/git/objects/object-id.js";
import type { AttributeValue } from "../../../src/git/rules/attributes.js";
import fc from "../../support/fast-check.js";
import { createRepo } from "../../support/repo.js";
import { hashedByGit } from "./hashed-by-git.js";

const SEED = Number(process.env.TREEWIRE_TEST_SEED ?? 20_260_102);

const piece = fc.constantFrom(
  "a",
  "text",
  "\r\n",
  "\r\n",
  "\n",
  "\r",
  "\x01",
  "\0",
  "\x1a",
  "é",
  "\t",
  "x".repeat(200),
);
const content = fc.array(piece, { maxLength: 8 }).map((pieces) => Buffer.from(pieces.join("")));

const ATTRIBUTES: Record<string, [name: string, value: AttributeValue][]> = {
  "": [],
  text: [["text", true]],
  "-text": [["text", false]],
  "text=auto": [["text", "auto"]],
  "eol=lf": [["eol", "lf"]],
  "text=auto eol=crlf": [
    ["text", "auto"],
    ["eol", "crlf"],
  ],
  crlf: [["crlf", true]],
  "crlf=input": [["crlf", "input"]],
  "-crlf eol=lf": [
    ["crlf", false],
    ["eol", "lf"],
  ],
};

for (const autoCrlf of [false, true, "input"] as const) {
  t.test(`line ends are converted as git converts them, with core.autocrlf=${autoCrlf}`, async (t) => {
    const repo = createRepo(t);
    repo.git("config", "core.autocrlf", String(autoCrlf));
    const lines = Object.keys(ATTRIBUTES).map((text, at) => `*.${at} ${text}\n`);
    repo.write(".gitattributes", lines.join(""));
    const contents = fc.sample(content, { numRuns: 270, seed: SEED });
    const kinds = Object.values(ATTRIBUTES);
    const expected = hashedByGit(repo, contents, (at) => `f${at}.${at % kinds.length}`);
    let converted = 0;
    for (const [at, bytes] of contents.entries()) {
      const how = lineEndings(new Map(kinds[at % kinds.length]), autoCrlf);
      const ours = convertLineEndings(bytes, how, () => undefined);
      if (ours !== bytes) converted += 1;
      if (hashBlob(ours, SHA1) !== expected[at]) t.fail(`${how}: ${JSON.stringify(bytes.toString())}, seed ${SEED}`);
    }
    t.ok(converted > 30, `${converted} of ${contents.length} were converted, seed ${SEED}`);
  });
}

t.test("a file that is read in pieces is converted like one that is read whole", async (t) => {
  const property = fc.property(fc.array(content, { maxLength: 5 }), (pieces) => {
    const converter = new CrlfConverter();
    const inPieces = Buffer.concat([...pieces.map((piece) => Buffer.from(converter.push(piece))), converter.finish()]);
    return inPieces.equals(convertLineEndings(Buffer.concat(pieces), "convert", () => undefined));
  });
  fc.assert(property, { numRuns: 200, seed: SEED });
  t.pass(`seed ${SEED}`);
});

t.test("what git guesses to be text stays when the index has it with CRLF", async (t) => {
  const bytes = Buffer.from("a\r\nb\r\n");
  t.equal(
    convertLineEndings(bytes, "auto", () => Buffer.from("b\r\n")),
    bytes,
  );
  t.not(
    convertLineEndings(bytes, "auto", () => Buffer.from("b\n")),
    bytes,
  );
  t.not(
    convertLineEndings(bytes, "convert", () => Buffer.from("b\r\n")),
    bytes,
  );
  t.notOk(holdsCrlfText(Buffer.from("a\0\r\n")), "binary content in the index does not count");
});
