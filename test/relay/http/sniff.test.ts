import t from "tap";
import { sniffImage } from "../../../src/relay/http/files/sniff.js";

const bytes = (text: string) => Buffer.from(text, "latin1");

t.test("an image is known by its first bytes", (t) => {
  t.equal(sniffImage(bytes("\x89PNG\r\n\x1a\n....")), "image/png");
  t.equal(sniffImage(bytes("\xff\xd8\xff\xe0....")), "image/jpeg");
  t.equal(sniffImage(bytes("GIF87a......")), "image/gif");
  t.equal(sniffImage(bytes("GIF89a......")), "image/gif");
  t.equal(sniffImage(bytes("RIFF\x00\x01\x02\x03WEBPVP8 ")), "image/webp");
  t.end();
});

t.test("what only begins like one, or hides one, is none", (t) => {
  for (const text of ["", "\x89PNG\r\n\x1a", "\x89PNG\n\n", "\xff\xd8", "GIF88a", "RIFF....WEBP", "RIFF....WAVEfmt "]) {
    t.equal(sniffImage(bytes(text)), undefined, JSON.stringify(text));
  }
  t.equal(sniffImage(bytes(" GIF89a")), undefined);
  t.equal(sniffImage(bytes("<svg xmlns=")), undefined);
  t.end();
});
