import { type Cleanup, tempDir } from "../../test/support/temp.js";
import { median, progress, quantile } from "../support/measure.js";
import { startOwnPage } from "./own-page.js";
import { PEERS, type Peer, type PeerPages, servePeers } from "./peers.js";
import { editMark } from "./sources.js";
import { EditedTrees } from "./trees.js";
import { type EditTimes, type FirstPaint, type Subject, Visit } from "./visit.js";

/** How much is shown. */
export interface Shape {
  trees: number;
  filesEach: number;
  bytesEach: number;
}

/** How often each page is opened, and in how many of these visits everything else is measured. */
export interface Rounds {
  paints: number;
  whole: number;
  /** In each of the whole visits. */
  edits: number;
}

export const PAGE_NAMES = ["own", ...PEERS] as const;
export type PageName = "own" | Peer;

/** What was measured of one page. */
export interface PageFigures {
  name: PageName;
  paints: FirstPaint[];
  edits: EditTimes[];
  /** Of each visit, the times of all frames, in milliseconds. */
  readings: number[][];
  flings: number[][];
  heapBytes: number[];
  longestTasks: number[];
  elements: number;
  assetBytes: number;
  /** What it had not done in time. */
  gaveUp: string | undefined;
}

/** The same diff in all pages. */
export interface ShapeFigures {
  bytes: number;
  files: number;
  pages: PageFigures[];
}

const FRAMES = 150;
const READING_PIXELS = 300;
const FLINGING_PIXELS = 6_000;

/** Opens all pages in turn, again and again, so that whatever else the machine does meets each of them. */
export async function measureShape(
  peers: PeerPages,
  shape: Shape,
  { paints, whole, edits }: Rounds,
  names: readonly PageName[],
): Promise<ShapeFigures> {
  const teardowns: (() => unknown)[] = [];
  const t: Cleanup = { teardown: (run) => void teardowns.unshift(run) };
  try {
    progress(`making ${shape.trees * shape.filesEach} files`);
    const trees = new EditedTrees(tempDir(t), shape);
    const probe = Buffer.from(peers.assets.get("probe.js") ?? []).toString();
    const base = await servePeers(t, peers, trees.text);
    const own = await startOwnPage(t, trees.folder, trees.files);
    const pages = names.map(newFigures);
    let edit = 0;
    for (let round = 1; round <= paints; round += 1) {
      for (const page of pages) {
        if (page.gaveUp !== undefined) continue;
        progress(`${trees.files} files, ${page.name}: ${round} of ${paints}`);
        const subject: Subject = page.name === "own" ? { ...own, probe } : { url: `${base}/${page.name}`, probe };
        const visit = await Visit.open(subject);
        if (visit === undefined) {
          page.gaveUp = "first paint";
          continue;
        }
        try {
          page.paints.push(visit.firstPaint);
          if (round > paints - whole) {
            await measureWhole(visit, page, edits, () => {
              edit += 1;
              return { mark: editMark(edit), patch: trees.patch(edit), write: () => trees.edit(edit) };
            });
          }
        } finally {
          await visit.close();
        }
      }
    }
    return { bytes: trees.bytes, files: trees.files, pages };
  } finally {
    for (const run of teardowns) await run();
  }
}

interface NextEdit {
  mark: string;
  patch: string;
  write: () => void;
}

async function measureWhole(visit: Visit, page: PageFigures, edits: number, next: () => NextEdit): Promise<void> {
  page.assetBytes = await visit.assetBytes();
  await visit.rest();
  page.elements = await visit.elements();
  for (let edit = 0; edit < edits; edit += 1) {
    const { mark, patch, write } = next();
    const times = await visit.edit(mark, patch, page.name === "own" ? write : () => undefined);
    if (times === undefined) {
      page.gaveUp = "an edit";
      return;
    }
    page.edits.push(times);
  }
  for (const { pixels, into } of [
    { pixels: READING_PIXELS, into: page.readings },
    { pixels: FLINGING_PIXELS, into: page.flings },
  ]) {
    await visit.rest();
    const frames = await visit.scroll(pixels, FRAMES);
    if (frames === undefined) {
      page.gaveUp = "scrolling";
      return;
    }
    into.push(frames);
  }
  page.longestTasks.push(await visit.longestTask());
  page.heapBytes.push(await visit.heapBytes());
}

function newFigures(name: PageName): PageFigures {
  const none = { elements: Number.NaN, assetBytes: Number.NaN, gaveUp: undefined };
  return { name, paints: [], edits: [], readings: [], flings: [], heapBytes: [], longestTasks: [], ...none };
}

/** Frames a second, of the visit in the middle. @param visits times of frames in milliseconds */
export function framesPerSecond(visits: readonly (readonly number[])[]): number {
  return median(visits.map((frames) => (1000 * frames.length) / frames.reduce((sum, ms) => sum + ms, 0)));
}

/** What 95 of 100 frames took at most, in milliseconds. */
export function frameTail(visits: readonly (readonly number[])[]): number {
  return quantile(visits.flat(), 0.95);
}
