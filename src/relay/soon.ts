/** An answer that is there at once, or comes later: who has it at once keeps nobody waiting for a turn of the loop. */
export type Soon<T> = T | Promise<T>;
