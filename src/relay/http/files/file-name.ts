import contentDisposition from "content-disposition";

/** What a file's name may have, in bytes of UTF-8. */
const MAX_NAME_BYTES = 255;

/**
 * The name that a `Content-Disposition` header gives, without directories, cut at a character boundary (docs/protocol.md).
 *
 * @param header as Node has it: one character for each byte
 * @returns "" when it gives none, or makes no sense
 */
export function fileName(header: string | undefined): string {
  if (header === undefined) return "";
  const given = parameter(header);
  if (given === undefined) return "";
  // what `filename*` gave has been decoded, and was spelled in ASCII alone: it reads the same without the other bytes
  const isDecoded = given === parameter(header.replace(/[\x80-\xff]/g, "?"));
  const name = isDecoded ? given : asUtf8(given);
  return cut(name.split(/[/\\]/).findLast((part) => part !== "") ?? "");
}

function parameter(header: string): string | undefined {
  try {
    return contentDisposition.parse(header).parameters.filename;
  } catch {
    return undefined;
  }
}

/** Clients that send a name as it is send UTF-8; what is none is latin1. */
function asUtf8(text: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.from(text, "latin1"));
  } catch {
    return text;
  }
}

function cut(name: string): string {
  let bytes = 0;
  let kept = "";
  for (const character of name) {
    bytes += Buffer.byteLength(character);
    if (bytes > MAX_NAME_BYTES) break;
    kept += character;
  }
  return kept;
}
