/**
 * The text behind `@@` for a line, by a pattern of the caller's.
 * @returns how many bytes of it were written to `name`, at most 80; -1 when the line is no head
 */
export declare function matchLine(start: usize, end: usize, name: usize): i32;

/** Throws: the files and what is kept about them don't fit in 4 GB. */
export declare function outOfMemory(): void;
