import t from "tap";
import { TextFrame } from "../../../../src/relay/hub/encoding/text-frame.js";

t.test("a frame begins with the header of RFC 6455, by the length in bytes of UTF-8", (t) => {
  const headers: [number, number[]][] = [
    [0, [0x81, 0]],
    [125, [0x81, 125]],
    [126, [0x81, 126, 0, 126]],
    [65_535, [0x81, 126, 0xff, 0xff]],
    [65_536, [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]],
  ];
  for (const [size, header] of headers) {
    const { wire, payload } = TextFrame.of("x".repeat(size));
    t.same([...wire.subarray(0, header.length)], header, `${size} bytes`);
    t.equal(wire.length, header.length + size);
    t.equal(payload.length, size);
  }
  t.equal(TextFrame.of("漢".repeat(42)).wire[1], 126, "42 characters are 126 bytes");
  t.end();
});

t.test("parts of text and of UTF-8 make one payload", (t) => {
  const { payload, wire } = TextFrame.of('{"a":', Buffer.from('"漢"'), "", "}");
  t.equal(payload.toString(), '{"a":"漢"}');
  t.equal(payload.buffer, wire.buffer, "it shares the frame's memory");
  t.end();
});
