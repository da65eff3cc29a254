import { imageType } from "../../../protocol/index.js";
import type { FILE_TYPES } from "../../answers.js";

/**
 * The type of an image by its first bytes; what a client declares is not believed. AVIF is none of the types that may be
 * uploaded.
 *
 * @param head the first 12 bytes or more
 */
export function sniffImage(head: Buffer): (typeof FILE_TYPES)[number] | undefined {
  const type = imageType(head);
  return type === "image/avif" ? undefined : type;
}
