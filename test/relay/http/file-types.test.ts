import { randomUUID } from "node:crypto";
import t from "tap";
import { z } from "zod";
import { classify, TextCheck } from "../../../src/relay/http/files/file-types.js";
import fc from "../../support/fast-check.js";
import { TestRelay } from "../support/relay.js";

const ALL =
  "Allowed types: image/png, image/jpeg, image/gif, image/webp, text/plain, text/markdown, text/csv, application/json, application/pdf, image/svg+xml.";
const PNG = "\x89PNG\r\n\x1a\n";
const SVG = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>';

/** What is declared, what is sent (a character a byte), and what it is. */
const ROWS: readonly [declared: string, bytes: string, type: string | undefined][] = [
  ["text/plain", "one\ntwo", "text/plain"],
  ["text/plain; charset=latin1", "", "text/plain"],
  ["text/markdown", "# One", "text/markdown"],
  ["text/csv", "a,b\n1,2\n", "text/csv"],
  ["application/json", ' {"a":1}', "application/json"],
  ["application/json", "no: json", "text/plain"],
  ["application/pdf", "%PDF-1.7\n\xff\x00", "application/pdf"],
  ["text/plain", "%PDF-1.7", "application/pdf"],
  ["image/svg+xml", SVG, "image/svg+xml"],
  [
    "image/svg+xml",
    `\xef\xbb\xbf<?xml version="1.0"?>\n<!-- a -- b --><!DOCTYPE svg PUBLIC "x">\n<!---->${SVG}`,
    "image/svg+xml",
  ],
  ["image/svg+xml", "<!---->".repeat(20_000), "text/plain"],
  ["image/svg+xml", "<html><svg></svg></html>", "text/plain"],
  ["text/plain", SVG, "text/plain"],
  ["text/plain", "<script>alert(1)</script>", "text/plain"],
  ["text/plain", PNG, "image/png"],
  ["image/png", "a text", undefined],
  ["application/pdf", "a text", undefined],
  ["text/plain", "a\0b", undefined],
  ["text/plain", "latin1: \xfc", undefined],
  ["text/plain", "cut: \xc3", undefined],
  ["text/html", "<p>", undefined],
  ["application/octet-stream", "a text", undefined],
];

t.test("with all types, a file is what is in it, and nothing but an image is shown in place", async (t) => {
  const relay = await TestRelay.start(t, { fileTypes: "all" });
  const auth = { "coder-session-token": relay.clientToken };
  for (const [declared, bytes, type] of ROWS) {
    const what = `${declared} ${bytes.slice(0, 20)}`;
    const up = await fetch(`${relay.url}/api/v2/chats/files?organization=${randomUUID()}`, {
      method: "POST",
      headers: { ...auth, "content-type": declared, "content-disposition": 'attachment; filename="it.html"' },
      body: Buffer.from(bytes, "latin1"),
    });
    const body: unknown = await up.json();
    if (type === undefined) {
      t.same([up.status, body], [400, { message: "Unsupported file type.", detail: ALL }], what);
      continue;
    }
    t.equal(up.status, 201, what);
    const { id } = z.object({ id: z.uuid() }).parse(body);
    const down = await fetch(`${relay.url}/api/v2/chats/files/${id}`, { headers: auth });
    t.equal(Buffer.from(await down.arrayBuffer()).toString("latin1"), bytes, what);
    const isImage = type === "image/png";
    t.match(
      Object.fromEntries(down.headers),
      {
        "content-type": type.startsWith("text/") ? `${type}; charset=utf-8` : type,
        "content-disposition": `${isImage ? "inline" : "attachment"}; filename="it.html"`,
        "content-security-policy": isImage ? undefined : "sandbox; default-src 'none'",
        "x-content-type-options": "nosniff",
      },
      what,
    );
  }
});

t.test("by default images alone are taken", (t) => {
  for (const [declared, bytes, type] of ROWS) {
    const image = type?.startsWith("image/png") ? type : undefined;
    t.equal(classify("images", declared, Buffer.from(bytes, "latin1"), true), image);
  }
  t.end();
});

t.test("bytes are text when they are UTF-8 without NUL, however they are cut", (t) => {
  const bytes = fc.oneof(
    fc.string({ unit: "binary", maxLength: 40 }).map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 12 }).map((array) => Buffer.from(array)),
  );
  fc.assert(
    fc.property(bytes, fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1 }), (whole, sizes) => {
      const check = new TextCheck();
      for (let at = 0, turn = 0; at < whole.length; turn += 1) {
        const next = at + (sizes[turn % sizes.length] ?? 1);
        check.push(whole.subarray(at, next));
        at = next;
      }
      return check.end() === (Buffer.from(whole.toString("utf8")).equals(whole) && !whole.includes(0));
    }),
  );
  t.end();
});
