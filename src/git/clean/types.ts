import type { Oid } from "../objects/object-id.js";
/** The content that git would compare for a file on disk: after its clean conversion. */
export interface CleanFile {
  mode: number;
  oid: Oid;
  /** Reads and converts again when it was not kept. @throws if the file is gone by then */
  content: () => Uint8Array;
  /** Bytes on disk before conversion. */
  size: number;
  /** Bytes after conversion: of {@link content}. */
  contentSize: number;
  /** Whether a filter, an encoding, line ends or idents are converted, even if they leave these bytes as they are. */
  converts: boolean;
  /** There is a NUL where git looks for one; absent when that was not looked for. */
  holdsNul?: boolean;
  /** A regular file over `core.bigFileThreshold`, which git takes for binary unless it has read it already. */
  large: boolean;
}
