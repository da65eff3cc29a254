import { lineHeight } from "./body-view.js";
import type { FileView } from "./file-view.js";

/** The line that is being read, and where on the screen it stands. */
interface Anchor {
  file: FileView;
  /** Its rows as they were. */
  rows: readonly string[];
  /** `undefined`: the file's head. */
  row: number | undefined;
  /** Its number in the old version, and which version that is. */
  old: { line: number; blob: string } | undefined;
  /** Distance from the top of the screen, in CSS pixels. */
  top: number;
}

/** Where something is that is to stay where it is, in CSS pixels from the top of the screen; `undefined`: nowhere. */
type Held = () => number | undefined;

/** Which files there are, for those who look for the one that is read. */
export interface AnchorScene {
  /** The file that an element on the screen is in. */
  fileAt(element: Element): FileView | undefined;
  /** Where the row of one state is in the next. */
  follow(before: readonly string[], after: readonly string[], row: number): number;
  /** Takes up what is missing above when there is nothing left to scroll. */
  spacer: HTMLElement;
}

/**
 * Changes the page while the line that is being read stays where it is, to the pixel. It is the one in the middle of the
 * screen. Browsers do something of that kind by themselves (and go on doing it while nothing changes, for what is laid out late),
 * but lose the place when the element goes that they hold on to.
 *
 * @param held stays in the place of that line
 */
export function holdPlace(scene: AnchorScene, change: () => void, held?: Held): void {
  const anchor = held === undefined ? findAnchor(scene) : undefined;
  const before = anchor?.top ?? held?.();
  const { style } = document.documentElement;
  style.overflowAnchor = "none";
  change();
  const after = anchor === undefined ? held?.() : topNow(scene, anchor);
  if (before !== undefined && after !== undefined) moveBy(scene.spacer, after - before);
  style.overflowAnchor = "";
}

/** Scrolls; what cannot be scrolled upwards, the spacer at the top of the page takes up. */
function moveBy(spacer: HTMLElement, distance: number): void {
  if (distance === 0) return;
  const missing = -(window.scrollY + distance);
  if (missing > 0) spacer.style.height = `${spacer.offsetHeight + missing}px`;
  window.scrollBy({ top: distance + Math.max(0, missing), behavior: "instant" });
}

/** Takes the spacer away as soon as nobody can see that. */
export function releaseSpacer(spacer: HTMLElement): void {
  const height = spacer.offsetHeight;
  if (height === 0 || window.scrollY < height) return;
  spacer.style.height = "0";
  window.scrollBy({ top: -height, behavior: "instant" });
}

function findAnchor(scene: AnchorScene): Anchor | undefined {
  const middle = Math.round(window.innerHeight / 2);
  for (const y of [middle, middle - 40, middle + 40, middle / 2, middle * 1.5]) {
    const found = document.elementsFromPoint(window.innerWidth / 2, y).find((each) => scene.fileAt(each) !== undefined);
    const file = found && scene.fileAt(found);
    if (found === undefined || file === undefined) continue;
    const rows = file.body?.rows ?? [];
    const lines = found.closest(".lines, .hunk, .end");
    if (lines === null || file.body === undefined) {
      return { file, rows, row: undefined, old: undefined, top: file.element.getBoundingClientRect().top };
    }
    const box = lines.getBoundingClientRect();
    const height = lineHeight(lines, box);
    const row = file.body.rowOf(lines, Math.floor((y - box.top) / height));
    if (row === undefined) continue;
    const [line, blob] = [file.body.oldLineOf(row), file.oldBlob];
    const old = line === undefined || blob === undefined ? undefined : { line, blob };
    return { file, rows, row, old, top: file.body.topOf(row) ?? box.top };
  }
  return undefined;
}

function topNow(scene: AnchorScene, { file, rows, row, old }: Anchor): number | undefined {
  if (!file.element.isConnected) return undefined;
  if (row === undefined || file.body === undefined || file.isCollapsed) return file.element.getBoundingClientRect().top;
  const after = file.body.rows;
  // numbers of the old version hold for as long as it is the same; others are followed by what stands in the line
  const same = old?.blob === file.oldBlob ? old?.line : undefined;
  const next = same === undefined ? undefined : file.body.rowOfOldLine(same);
  const isIt = next !== undefined && after[next]?.slice(1) === rows[row]?.slice(1);
  return file.body.topOf(isIt ? next : scene.follow(rows, after, row)) ?? file.element.getBoundingClientRect().top;
}
