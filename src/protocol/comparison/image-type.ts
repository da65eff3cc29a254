/** The types of images that a file at a side of a diff is shown as. */
export type ImageType = "image/png" | "image/jpeg" | "image/gif" | "image/webp" | "image/avif";

/** Where the names of an AVIF file's brands may end, which its first bytes list: so far is looked. */
const MAX_BRAND_BYTES = 64;

/**
 * The type of an image by its first bytes, by the patterns of the MIME Sniffing standard
 * (<https://mimesniff.spec.whatwg.org/#matching-an-image-type-pattern>) and, for AVIF, by its brands
 * (<https://aomediacodec.github.io/av1-avif/#brands>); what a name or a header says is not believed.
 *
 * @param content all of it, or the first bytes: 12 or more, for AVIF 64
 * @returns `undefined` for anything else, an SVG among it, which is text
 */
export function imageType(content: Uint8Array): ImageType | undefined {
  const text = String.fromCharCode(...content.subarray(0, MAX_BRAND_BYTES));
  if (text.startsWith("\x89PNG\r\n\x1a\n")) return "image/png";
  if (text.startsWith("\xff\xd8\xff")) return "image/jpeg";
  if (text.startsWith("GIF87a") || text.startsWith("GIF89a")) return "image/gif";
  if (text.startsWith("RIFF") && text.startsWith("WEBPVP", 8)) return "image/webp";
  return hasAvifBrand(text) ? "image/avif" : undefined;
}

/** An `ftyp` box: its length, its name, the brand, a version, and the other brands, in fours. */
function hasAvifBrand(text: string): boolean {
  if (!text.startsWith("ftyp", 4)) return false;
  const length = [0, 1, 2, 3].reduce((sum, at) => sum * 256 + text.charCodeAt(at), 0);
  const end = Math.min(length, text.length);
  for (let at = 8; at + 4 <= end; at += at === 8 ? 8 : 4) {
    if (text.startsWith("avif", at) || text.startsWith("avis", at)) return true;
  }
  return false;
}
