import type { CommentTarget } from "./comments-view.js";
import type { FileView } from "./file-view.js";

/**
 * The lines of one file that the reader has selected.
 *
 * @param fileAt the file that an element is in
 * @returns `undefined`: nothing is selected, or it begins and ends in different runs of lines
 */
export function selectedLines(
  fileAt: (element: Element) => FileView | undefined,
): { file: FileView; target: CommentTarget } | undefined {
  const selection = getSelection();
  if (selection === null || selection.rangeCount === 0) return undefined;
  const range = selection.getRangeAt(0);
  const element = range.startContainer.parentElement;
  const file = element === null ? undefined : fileAt(element);
  const view = file?.body?.linesAt(range.startContainer);
  if (file === undefined || view === undefined) return undefined;
  const { lines, start } = view;
  const text = lines.code.data;
  // a selection that goes on into the next run ends with this one
  const end = range.endContainer === lines.code ? range.endOffset : text.length;
  const lineAt = (offset: number) => text.slice(0, offset).split("\n").length - 1;
  const first = lineAt(range.startOffset);
  const endsBehindFeed = end > range.startOffset && text[end - 1] === "\n";
  const last = Math.max(first, lineAt(endsBehindFeed ? end - 1 : end));
  const code = text
    .split("\n")
    .slice(first, last + 1)
    .join("\n");
  const side = lines.side === "old" ? "old" : "new";
  const isContext = lines.side === "same";
  return { file, target: { side, from: start + first, to: start + last, code, isContext } };
}
