import type { Comments } from "../model/comments.js";
import type { FileMarks, Settings } from "../model/settings.js";
import type { FileSide, Refused, TextPart } from "../relay.js";

/** What all files of a page share. */
export interface DiffContext {
  settings: Settings;
  marks: FileMarks;
  comments: Comments;
  /** A comment was made or deleted. */
  onComments: () => void;
  /** For so long a line counts as changed just now, in milliseconds. */
  justNowMs: number;
  copy: (text: string) => void;
  /** Asks for lines of a file as it is compared now: of the numbers `from` up to but without `to`. */
  linesOf: (file: Omit<FileSide, "compare">, from: number, to: number) => Promise<Refused | TextPart>;
  /** Asks for an image at one side of a file as it is compared now. */
  imageOf: (file: Omit<FileSide, "compare">) => Promise<Refused | Blob>;
  /** A file was collapsed or opened, viewed or not. */
  onMarks: (file: { readonly element: HTMLElement }) => void;
}
