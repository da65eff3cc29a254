import { parseComparisonRequest } from "../../../src/protocol/index.js";
import { scanOnceRaw } from "../../../src/worktree/index.js";

/** The bytes that a comparison prints of a tree. @param word as `--compare` takes it */
export async function printedComparison(root: string, word: string): Promise<Buffer> {
  const compare = parseComparisonRequest(word);
  if (compare === undefined) throw new Error(`no comparison: ${word}`);
  const { diff, report } = await scanOnceRaw(root, { compare });
  const chunks: Uint8Array[] = [];
  for await (const chunk of diff) chunks.push(chunk);
  report();
  return Buffer.concat(chunks);
}
