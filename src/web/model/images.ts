import type { TreeFile } from "../../protocol/browser.js";

/** The blobs of an image's two versions; `undefined` where there is none. */
export interface ImageSides {
  old: string | undefined;
  new: string | undefined;
}

/** Names of images that browsers show. An SVG is text, and is shown as what it is. */
const IMAGE_NAME = /\.(?:png|jpe?g|gif|webp|avif)$/i;

/** @returns `undefined`: not an image by its name, or a text, or what it holds is not to be seen */
export function imageSides({ path, header, hunks, withheld }: TreeFile): ImageSides | undefined {
  if (withheld !== undefined || hunks !== "" || !IMAGE_NAME.test(path)) return undefined;
  const [, before = "", after = ""] = /^index ([0-9a-f]{40,64})\.\.([0-9a-f]{40,64})/m.exec(header) ?? [];
  const blob = (oid: string) => (/[^0]/.test(oid) ? oid : undefined);
  const sides = { old: blob(before), new: blob(after) };
  return sides.old === undefined && sides.new === undefined ? undefined : sides;
}
