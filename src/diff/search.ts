import { advanceBackward, advanceForward, LONG_SNAKE } from "./advance.js";
import type { EditGraph, Frontier } from "./edit-graph.js";
import { powerOfTwoRoot } from "./power-of-two-root.js";
import { settleForBest, settleForSnake } from "./settle.js";
import type { Text } from "./text.js";

/** From this many edits on, in each direction, a search may settle for a good place to split. */
const SETTLE_EDITS = 256;

/** Where a box is split in two, and whether the shortest script must be found in the parts. */
export interface Split {
  x: number;
  y: number;
  exactBefore: boolean;
  exactBehind: boolean;
}

/**
 * Finds which of the kept lines are deleted and added, and marks them: Myers' algorithm in its linear-space form, which
 * splits the edit graph where paths from both corners meet, and gives up on the shortest script when it gets expensive.
 */
export function markChanges(before: Text, after: Text, graph: EditGraph): void {
  graph.load(before, after);
  const mostEdits = Math.max(powerOfTwoRoot(graph.diagonals), SETTLE_EDITS);
  const { box } = graph;
  // boxes still to be searched: left, right, top, bottom, exact; a stack of our own, since some inputs nest deeply
  const waiting = [box.left, box.right, box.top, box.bottom, 0];
  while (waiting.length > 0) {
    const exact = waiting.pop() === 1;
    box.bottom = waiting.pop() as number;
    box.top = waiting.pop() as number;
    box.right = waiting.pop() as number;
    box.left = waiting.pop() as number;
    shrink(graph);
    if (box.left === box.right) mark(after, box.top, box.bottom);
    else if (box.top === box.bottom) mark(before, box.left, box.right);
    else {
      const { x, y, exactBefore, exactBehind } = split(graph, exact, mostEdits);
      waiting.push(box.left, x, box.top, y, exactBefore ? 1 : 0);
      waiting.push(x, box.right, y, box.bottom, exactBehind ? 1 : 0);
    }
  }
}

function mark({ kept, changed }: Text, from: number, to: number): void {
  for (let i = from; i < to; i += 1) changed[kept[i] as number] = 1;
}

/** Takes equal lines off the box's head and tail. */
function shrink({ cells, after, box }: EditGraph): void {
  let { left, right, top, bottom } = box;
  while (left < right && top < bottom && cells[left] === cells[after + top]) {
    left += 1;
    top += 1;
  }
  while (left < right && top < bottom && cells[right - 1] === cells[after + bottom - 1]) {
    right -= 1;
    bottom -= 1;
  }
  box.left = left;
  box.right = right;
  box.top = top;
  box.bottom = bottom;
}

function split(graph: EditGraph, exact: boolean, mostEdits: number): Split {
  const { cells, box, forward, backward } = graph;
  const meeting = (cell: number, { zero }: Frontier): Split => {
    const x = cells[cell] as number;
    return { x, y: x - (cell - zero), exactBefore: true, exactBehind: true };
  };
  forward.start(box, box.left, box.top);
  backward.start(box, box.right, box.bottom);
  const odd = ((forward.middle - backward.middle) & 1) !== 0;
  for (let edits = 1; ; edits += 1) {
    forward.widen();
    const there = advanceForward(graph, odd);
    if (there >= 0) return meeting(there, forward);
    backward.widen();
    const back = advanceBackward(graph, !odd);
    if (back >= 0) return meeting(back, backward);
    if (exact) continue;
    if (edits > SETTLE_EDITS && (there === LONG_SNAKE || back === LONG_SNAKE)) {
      const settled = settleForSnake(graph, edits);
      if (settled !== undefined) return settled;
    }
    if (edits >= mostEdits) return settleForBest(graph);
  }
}
