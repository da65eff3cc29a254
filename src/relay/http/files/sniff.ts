import type { FILE_TYPES } from "../../answers.js";

/**
 * The type of an image by its first bytes, by the patterns of the MIME Sniffing standard
 * (<https://mimesniff.spec.whatwg.org/#matching-an-image-type-pattern>); what a client declares is not believed.
 *
 * @param head the first 12 bytes or more
 */
export function sniffImage(head: Buffer): (typeof FILE_TYPES)[number] | undefined {
  const text = head.toString("latin1", 0, 14);
  if (text.startsWith("\x89PNG\r\n\x1a\n")) return "image/png";
  if (text.startsWith("\xff\xd8\xff")) return "image/jpeg";
  if (text.startsWith("GIF87a") || text.startsWith("GIF89a")) return "image/gif";
  if (text.startsWith("RIFF") && text.startsWith("WEBPVP", 8)) return "image/webp";
  return undefined;
}
