import t from "tap";
import { imageType } from "../../src/protocol/index.js";

const bytes = (text: string) => Buffer.from(text, "latin1");

t.test("an AVIF file is known by its brands, and by no others", async (t) => {
  t.equal(imageType(bytes("\0\0\0\x1cftypavif\0\0\0\0mif1miaf")), "image/avif");
  t.equal(imageType(bytes("\0\0\0\x1cftypavis\0\0\0\0mif1miaf")), "image/avif");
  t.equal(imageType(bytes("\0\0\0\x1cftypmif1\0\0\0\0miafavif")), "image/avif");
  t.equal(imageType(bytes("\0\0\0\x18ftypmif1\0\0\0\0miafheicavif")), undefined, "behind the end of the brands");
  t.equal(imageType(bytes("\0\0\0\x1cftypmp42avif....isom")), undefined, "a version is no brand");
  t.equal(imageType(bytes("\0\0\0\x1cftypheic\0\0\0\0mif1heic")), undefined);
  t.equal(imageType(bytes("....avif")), undefined);
  t.equal(imageType(bytes("")), undefined);
});
