// Reads blobs in a process of its own and prints what that took: `objects-program.js READER GITDIR FILE-OF-IDS`.
import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface ObjectFigures {
  /** The first blob, the reader's own modules loaded in that time, in milliseconds. */
  firstMs: number;
  /** Each of the others. */
  timesMs: number[];
  /** Resident memory, in bytes: before the first, and the most that was seen since. */
  memoryBefore: number;
  memoryMost: number;
}

type Read = (oid: string) => unknown;

const READERS: Record<string, (gitDir: string) => Promise<Read>> = {
  ours: async (gitDir) => {
    const { ObjectStore } = await import("../../src/git/objects/object-store.js");
    const { SHA1 } = await import("../../src/git/objects/object-id.js");
    const store = new ObjectStore(join(gitDir, "objects"), SHA1);
    return (oid) => store.read(oid);
  },
  "isomorphic-git": async (gitDir) => {
    const { default: isomorphic } = await import("isomorphic-git");
    const fs = await import("node:fs");
    const cache = {};
    return (oid) => isomorphic.readBlob({ fs, gitdir: gitDir, oid, cache });
  },
};

/** Memory is looked at after so many reads. */
const LOOK_EVERY = 100;

const [reader = "", gitDir = "", idFile = ""] = process.argv.slice(2);
const [first = "", ...oids] = readFileSync(idFile, "utf8").trim().split("\n");
const memoryBefore = process.memoryUsage.rss();
let memoryMost = memoryBefore;
const start = performance.now();
const read = await READERS[reader]?.(gitDir);
await read?.(first);
const firstMs = performance.now() - start;
const timesMs: number[] = [];
for (const [at, oid] of oids.entries()) {
  const begin = performance.now();
  const answer = read?.(oid);
  if (answer instanceof Promise) await answer;
  timesMs.push(performance.now() - begin);
  if (at % LOOK_EVERY === 0) memoryMost = Math.max(memoryMost, process.memoryUsage.rss());
}
memoryMost = Math.max(memoryMost, process.memoryUsage.rss());
const figures: ObjectFigures = { firstMs, timesMs, memoryBefore, memoryMost };
process.stdout.write(JSON.stringify(figures));
