import { FILE, type Tree } from "../../test/diff/trees.js";
import { Random } from "../../test/support/random.js";

/** As many files deleted as added, each of the latter an edited one of the former under another name. */
export function renamedTrees(count: number): [Tree, Tree] {
  const random = new Random(3);
  const words = Array.from({ length: 3000 }, (_, i) => `line ${i} of any file, with some more text\n`);
  const before: [string, { mode: number; content: Buffer }][] = [];
  const after: typeof before = [];
  for (let i = 0; i < count; i += 1) {
    const lines = Array.from({ length: 100 }, () => random.pick(words));
    const edited = lines.map((line) => (random.chance(0.2) ? random.pick(words) : line));
    before.push([`old/${i}.txt`, { mode: FILE, content: Buffer.from(lines.join("")) }]);
    after.push([`new/${(i * 7919) % count}-x.txt`, { mode: FILE, content: Buffer.from(edited.join("")) }]);
  }
  return [new Map(before), new Map(after)];
}
