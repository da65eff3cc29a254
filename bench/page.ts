import { buildPeers, type PeerPages } from "./page/peers.js";
import {
  framesPerSecond,
  frameTail,
  measureShape,
  PAGE_NAMES,
  type PageFigures,
  type Rounds,
  type Shape,
  type ShapeFigures,
} from "./page/run.js";
import { PATIENCE_MS } from "./page/visit.js";
import { median, milliseconds, progress, quantile, ratioText } from "./support/measure.js";
import type { Goal, Report, Table } from "./support/publish.js";

const MIB = 1024 * 1024;

/** `BENCH_ROUNDS`: fewer visits, to try it. */
const MOST_ROUNDS = Number(process.env.BENCH_ROUNDS ?? Number.POSITIVE_INFINITY);

const rounds = (paints: number, whole: number, edits: number): Rounds => ({
  paints: Math.min(paints, MOST_ROUNDS),
  whole: Math.min(whole, MOST_ROUNDS),
  edits,
});

/** What is shown, and how often it is measured. A tree's diff has 3 MiB at most. */
const SHAPES: Readonly<Record<"small" | "usual" | "large", { shape: Shape; rounds: Rounds }>> = {
  small: { shape: { trees: 1, filesEach: 30, bytesEach: 0.3 * MIB }, rounds: rounds(5, 3, 9) },
  usual: { shape: { trees: 1, filesEach: 300, bytesEach: 2.97 * MIB }, rounds: rounds(9, 3, 34) },
  large: { shape: { trees: 10, filesEach: 470, bytesEach: 2 * MIB }, rounds: rounds(3, 3, 9) },
};
type ShapeName = keyof typeof SHAPES;

/** Which of them are run. `BENCH_SHAPES`, as `small,usual`: fewer, to look at one; the goals of the others are missed then. */
const CHOSEN: ReadonlySet<string> = new Set(process.env.BENCH_SHAPES?.split(",") ?? Object.keys(SHAPES));
/** Which pages. `BENCH_PAGES`, as `own,plain`. */
const PAGES = PAGE_NAMES.filter((name) => process.env.BENCH_PAGES?.split(",").includes(name) ?? true);

/** The page beside a plain page of the same text and beside two libraries, in Chromium. */
export async function benchmark(): Promise<Report> {
  const peers = await buildPeers();
  const figures = new Map<ShapeName, ShapeFigures>();
  for (const name of Object.keys(SHAPES) as ShapeName[]) {
    if (!CHOSEN.has(name)) continue;
    figures.set(name, await measureShape(peers, SHAPES[name].shape, SHAPES[name].rounds, PAGES));
  }
  progress("");
  return report(figures, peers);
}

const NAMES: Readonly<Record<PageFigures["name"], string>> = {
  own: "**Treewire**",
  plain: "plain page",
  diff2html: "diff2html",
  pierre: "@pierre/diffs",
};

const right = (head: string) => ({ head, align: "right" }) as const;
const mib = (bytes: number) => `${(bytes / MIB).toFixed(1)} MiB`;
const kib = (bytes: number) => `${(bytes / 1024).toFixed(1)} KiB`;

function shapeTable({ bytes, files, pages }: ShapeFigures): Table[] {
  const plain = pages.find(({ name }) => name === "plain");
  const title = `${files.toLocaleString("en")} files, ${mib(bytes)}`;
  const shown = pages.filter(({ paints }) => paints.length > 0);
  return [
    {
      title: `${title}: the first lines, and an edit`,
      columns: [
        { head: "page" },
        ...["first paint", "to the plain page", "from the arrival", "edit laid out", "p99", "edit drawn", "p99"].map(
          right,
        ),
      ],
      rows: pages.map((page) => [NAMES[page.name], ...paintCells(page, plain), ...editCells(page)]),
    },
    {
      title: `${title}: scrolling, and what it holds`,
      columns: [
        { head: "page" },
        ...["reading", "p95", "flinging", "p95", "longest task", "JS heap", "elements"].map(right),
      ],
      rows: shown.map((page) => [NAMES[page.name], ...scrollCells(page)]),
    },
  ];
}

function paintCells({ paints, gaveUp }: PageFigures, plain: PageFigures | undefined): string[] {
  if (paints.length === 0) return [gaveUp === undefined ? "" : `over ${PATIENCE_MS / 1000} s`, "", ""];
  const first = firstPaintOf(paints);
  return [
    milliseconds(first),
    ratioText(first / firstPaintOf(plain?.paints ?? [])),
    milliseconds(median(paints.map(({ fromArrival }) => fromArrival))),
  ];
}

function editCells({ edits, gaveUp }: PageFigures): string[] {
  if (edits.length === 0) return [gaveUp === "an edit" ? `over ${PATIENCE_MS / 1000} s` : "", "", "", ""];
  const [laidOut, drawn] = [edits.map(({ laidOutMs }) => laidOutMs), edits.map(({ drawnMs }) => drawnMs)];
  return [laidOut, drawn].flatMap((times) => [milliseconds(median(times)), milliseconds(quantile(times, 0.99))]);
}

function scrollCells({ readings, flings, longestTasks, heapBytes, elements, gaveUp }: PageFigures): string[] {
  if (gaveUp !== undefined) return ["gave up", "", "", "", "", "", elements.toLocaleString("en")];
  return [
    ...[readings, flings].flatMap((visits) => [
      `${framesPerSecond(visits).toFixed(1)}/s`,
      milliseconds(frameTail(visits)),
    ]),
    longestTasks.every((ms) => ms === 0) ? "≤ 50 ms" : milliseconds(Math.max(...longestTasks)),
    mib(median(heapBytes)),
    elements.toLocaleString("en"),
  ];
}

function firstPaintOf(paints: PageFigures["paints"]): number {
  return median(paints.map(({ fromNavigation }) => fromNavigation));
}

function goalsOf(name: ShapeName, { pages }: ShapeFigures): Goal[] {
  const page = (wanted: PageFigures["name"]) => pages.find((each) => each.name === wanted);
  const [own, plain] = [page("own"), page("plain")];
  if (own === undefined || plain === undefined || name === "small") return [];
  const what = name === "usual" ? "3 MiB" : "20 MiB";
  const most = (of: string, value: number, limit: number, text: (value: number) => string): Goal => ({
    what: `${what}: ${of}`,
    goal: `≤ ${text(limit)}`,
    reached: text(value),
    met: value <= limit,
  });
  const paint = firstPaintOf(own.paints) / firstPaintOf(plain.paints);
  const laidOut = median(own.edits.map(({ laidOutMs }) => laidOutMs));
  const frames = framesPerSecond(own.readings);
  const least = name === "usual" ? 50 : 30;
  const scrolling: Goal = {
    what: `${what}: frames a second, reading`,
    goal: `≥ ${least}`,
    reached: frames.toFixed(1),
    met: frames >= least,
  };
  const times = (value: number) => ratioText(value);
  if (name === "usual") {
    return [
      most("first paint, to the plain page's", paint, 2, times),
      most("an edit until laid out, median", laidOut, 10, milliseconds),
      scrolling,
      most("JS heap", median(own.heapBytes), 40 * MIB, mib),
      most("all that is fetched before the first diff is shown, gzipped", own.assetBytes, 45 * 1024, kib),
    ];
  }
  return [
    most("first paint, to the plain page's", paint, 2, times),
    most("an edit until laid out, median", laidOut, 50, milliseconds),
    scrolling,
    most("longest task after the first paint", Math.max(...own.longestTasks), 200, milliseconds),
  ];
}

function assetTable(figures: Iterable<ShapeFigures>): Table[] {
  const [first] = figures;
  if (first === undefined) return [];
  const measured = first.pages.filter(({ assetBytes }) => !Number.isNaN(assetBytes));
  return [
    {
      title: "Fetched before the first diff is shown",
      columns: [{ head: "page" }, right("gzipped")],
      rows: measured.map(({ name, assetBytes }) => [NAMES[name], kib(assetBytes)]),
    },
  ];
}

function report(figures: ReadonlyMap<ShapeName, ShapeFigures>, { versions }: PeerPages): Report {
  const { small, usual, large } = SHAPES;
  return {
    title: "The page",
    method:
      "Chromium, headless, 1280×800, drawn in software; a browser of its own, with nothing in its cache, for each time that a page " +
      "is opened; the pages in turn. Working trees of lines of real programs (zod, fastify, ws, preact), with edits that a " +
      "fixed seed draws. Treewire's page is served by the installed relay, with its own policy and a session, and follows the " +
      "installed agent; the others are served by a plain server, without a policy, and are given what `git diff` says of the " +
      "same trees. The plain page has that text in one `<pre>`. " +
      `diff2html ${versions.diff2html} neither looks for matching lines nor has colours; it knows no updates, so that an edit makes ` +
      `one file anew. @pierre/diffs ${versions.pierre} is its CodeView on the main thread, with colours; it is no dependency, and is installed ` +
      "for the benchmark alone (`BENCH_PEERS`).\n\n" +
      "First paint is from the navigation until the frame with the first lines is drawn, with all of the diff in the page; from " +
      "the arrival, until then from the last message, or the end of the text. An edit changes one line of the first file, on the disk for " +
      "Treewire: its time is from the message, or the call, until layout is done in that task, or until the frame is drawn. Reading is " +
      "300 px in every frame, 150 times; flinging 6,000 px. Tasks count from the first paint on, and are those of over 50 ms. " +
      `The heap is what is left after a collection, when all of that is done. Medians: of ${usual.rounds.paints} first paints ` +
      `(small: ${small.rounds.paints}, large: ${large.rounds.paints}), of ${usual.rounds.edits * usual.rounds.whole} edits (small and large: ` +
      `${small.rounds.edits * small.rounds.whole}), and of ${usual.rounds.whole} visits for the rest, of which the longest task is told. A page that has not shown ` +
      `the diff, or an edit, after ${PATIENCE_MS / 1000} s has given up, and is asked no further.`,
    tables: [...[...figures.values()].flatMap(shapeTable), ...assetTable(figures.values())],
    goals: [...figures].flatMap(([name, each]) => goalsOf(name, each)),
  };
}
