import type { LineCount } from "./types.js";

const LINE_FEED = 0x0a;

/** Counts the lines of a content that comes in pieces. */
export class LineCounter {
  #lines = 0;
  #last = LINE_FEED;

  update(piece: Uint8Array): void {
    for (let at = piece.indexOf(LINE_FEED); at >= 0; at = piece.indexOf(LINE_FEED, at + 1)) this.#lines += 1;
    this.#last = piece.at(-1) ?? this.#last;
  }

  finish(): LineCount {
    const isUnfinished = this.#last !== LINE_FEED;
    return { lines: this.#lines + (isUnfinished ? 1 : 0), isUnfinished };
  }
}
