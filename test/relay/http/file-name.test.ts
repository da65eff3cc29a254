import contentDisposition from "content-disposition";
import t from "tap";
import { fileName } from "../../../src/relay/http/files/file-name.js";
import fc from "../../support/fast-check.js";

/**
 * The name in a header of a download, by the grammar of RFC 6266 and RFC 8187 and by no code of the relay: `filename*`
 * counts before `filename`.
 */
function nameIn(header: string): string | undefined {
  const names = new Map<string, string>();
  let rest = header.replace(/^[a-z]+/, "");
  while (rest !== "") {
    const [whole, key, quoted, token] = /^; ([a-z]+\*?)=(?:"((?:[^"\\]|\\.)*)"|([^;" ]+))/.exec(rest) ?? [];
    if (whole === undefined || key === undefined) throw new Error(`no parameter: ${rest}`);
    names.set(key, quoted?.replace(/\\(.)/g, "$1") ?? token ?? "");
    rest = rest.slice(whole.length);
  }
  const encoded = names.get("filename*");
  if (encoded === undefined) return names.get("filename");
  const [, percent] = /^UTF-8''(.*)$/.exec(encoded) ?? [];
  return percent === undefined ? undefined : decodeURIComponent(percent);
}

/** RFC 8187: whatever is no attr-char goes as bytes. */
function extended(name: string): string {
  const bytes = [...Buffer.from(name)];
  return bytes.map((byte) => `%${byte.toString(16).padStart(2, "0").toUpperCase()}`).join("");
}

/** As it is, in UTF-8; a header comes one character for each byte. */
function raw(name: string): string {
  return Buffer.from(name.replace(/["\\]/g, "\\$&")).toString("latin1");
}

/** The longest beginning of whole characters that has at most 255 bytes, found from its end. */
function beginning(name: string): string {
  const characters = [...name];
  while (Buffer.byteLength(characters.join("")) > 255) characters.pop();
  return characters.join("");
}

const comesBack = (name: string) => nameIn(contentDisposition(name, { type: "inline" }));

/** No directories, no characters that cannot stand in a header, and something at all. */
const names = fc
  .oneof(
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 300 }),
    fc.string({ unit: "binary", minLength: 1, maxLength: 300 }),
    // names whose characters look like the bytes of others
    fc.string({ unit: fc.constantFrom("Ã", "©", "é", "中", "%", "4", "E", "ÿ", "\u{1f600}", '"', "'"), minLength: 1 }),
  )
  .map((name) => Buffer.from(name.replace(/[/\\\p{Cc}]/gu, "_")).toString());

t.test("names come back as they were given, by `filename*` and as they are, cut at 255 bytes", (t) => {
  fc.assert(
    fc.property(names, (name) => {
      for (const header of [
        `attachment; filename*=UTF-8''${extended(name)}`,
        `attachment; filename="x"; filename*=UTF-8''${extended(name)}`,
        `attachment; filename*=utf-8'en'${extended(name)}; filename="${raw("ünlike")}"`,
        `attachment; filename="${raw(name)}"`,
      ]) {
        const kept = fileName(header);
        if (kept !== beginning(name)) throw new Error(`${header}: ${kept}`);
        if (comesBack(kept) !== kept) throw new Error(`${kept} comes back as ${comesBack(kept)}`);
      }
    }),
  );
  t.end();
});

t.test("rows", (t) => {
  const rows: [header: string | undefined, name: string][] = [
    [undefined, ""],
    ["attachment", ""],
    ["attachment; filename*=UTF-8''%E4%B8%AD.png", "中.png"],
    ["attachment; filename*=UTF-8''%C3%83%C2%A9", "Ã©"],
    [`attachment; filename="${raw("中.png")}"`, "中.png"],
    ['attachment; filename="\xe9.png"', "é.png"],
    ["attachment; filename*=ISO-8859-1''%E9", "é"],
    ['attachment; filename="../../etc/passwd"', "passwd"],
    ['attachment; filename="C:\\\\temp\\\\x.png"', "x.png"],
    ['attachment; filename="///"', ""],
  ];
  for (const [header, name] of rows) t.equal(fileName(header), name, String(header));
  t.end();
});
