// Runs in every page of the benchmark before its own scripts, and takes the times. All are in milliseconds.

/** How long an edit took, from the arrival of the message or of the call that says it. */
interface Edit {
  /** Until the page is laid out with it. */
  laidOutMs: number;
  /** Until the frame that shows it is drawn. */
  drawnMs: number;
}

/** What the pages of the benchmark share with those who measure them. Treewire's own page knows nothing of it. */
interface Probe {
  /** Whether the first lines of the diff are in the page. */
  isShown(): boolean;
  /** The text of the first file as the page has it, or of its beginning. */
  firstText(): string;
  /** What scrolls. */
  scroller(): Element;
  /** Shows an edit of the first file: in pages that follow no stream. */
  show: ((patch: string) => void) | undefined;
  /** When all of the diff had come; since the navigation, as the next two. */
  arrivedAt: number;
  /** When the frame with the first lines was drawn; NaN before. */
  shownAt: number;
  /** Settles then. */
  shown: Promise<void>;
  /** Tasks of over 50 ms. */
  longTasks: { at: number; ms: number }[];
  /** Waits for an edit, or makes it. @param mark a text that it brings @param patch for {@link Probe.show} */
  edit(mark: string, patch: string): void;
  /** The edit that was waited for. */
  edited: Promise<Edit> | undefined;
  /** Scrolls a distance in every frame. @returns how long each frame took */
  scroll(pixels: number, frames: number): Promise<number[]>;
}

declare global {
  var probe: Probe;
}

/** Settles once the frame is drawn that this is called in: the browser draws it before the next task. */
function behindThisFrame(): Promise<number> {
  return new Promise((done) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => done(performance.now());
    port2.postMessage(0);
  });
}

function nextFrame(): Promise<number> {
  return new Promise((done) => requestAnimationFrame(() => done(performance.now())));
}

/** How a message of Treewire's stream begins that says something of a tree. */
const STATE = '{"type":"tree"';

/** When the first message came since an edit was asked for. */
let began: number | undefined;

globalThis.probe = {
  isShown: () => document.querySelector(".file .lines") !== null,
  firstText: () => document.querySelector(".file")?.textContent ?? "",
  scroller: () => document.scrollingElement ?? document.documentElement,
  show: undefined,
  arrivedAt: Number.NaN,
  shownAt: Number.NaN,
  shown: Promise.resolve(),
  longTasks: [],
  edited: undefined,
  edit(mark, patch) {
    began = undefined;
    this.edited = new Promise((done) => {
      let isDone = false;
      const look = () => {
        if (isDone || began === undefined || !this.firstText().includes(mark)) return;
        isDone = true;
        observer.disconnect();
        void document.body.offsetHeight; // has the browser lay out the page now
        const [start, laidOut] = [began, performance.now()];
        requestAnimationFrame(async () => {
          done({ laidOutMs: laidOut - start, drawnMs: (await behindThisFrame()) - start });
        });
      };
      const observer = new MutationObserver(look);
      observer.observe(document, { subtree: true, childList: true, characterData: true });
      const lookAgain = () => {
        look(); // what a shadow tree holds is observed by nobody
        if (!isDone) requestAnimationFrame(lookAgain);
      };
      requestAnimationFrame(lookAgain);
      if (this.show === undefined) return;
      began = performance.now();
      this.show(patch);
      look();
    });
  },
  async scroll(pixels, frames) {
    const scroller = this.scroller();
    await nextFrame();
    const ends = [await nextFrame()];
    while (ends.length <= frames) {
      scroller.scrollBy({ top: pixels, behavior: "instant" });
      ends.push(await nextFrame());
    }
    return ends.slice(1).map((end, at) => end - (ends[at] ?? end));
  },
};

new PerformanceObserver((list) => {
  for (const { startTime, duration } of list.getEntries()) probe.longTasks.push({ at: startTime, ms: duration });
}).observe({ type: "longtask", buffered: true });

globalThis.WebSocket = class extends WebSocket {
  constructor(url: string | URL, protocols?: string | string[]) {
    super(url, protocols);
    // is called before the page's own handler, which is set later
    this.addEventListener("message", ({ data }: MessageEvent<string>) => {
      if (!data.startsWith(STATE)) return;
      began ??= performance.now();
      if (Number.isNaN(probe.shownAt)) probe.arrivedAt = performance.now();
    });
  }
};

async function awaitFirstLines(): Promise<void> {
  while (!probe.isShown()) await nextFrame();
  probe.shownAt = await behindThisFrame();
}
probe.shown = awaitFirstLines();

export {};
