import type { Snapshot } from "../client/index.js";
import { Observable } from "./chrome/state.js";
import type { Status } from "./chrome/status.js";
import { Comments, promptOf } from "./model/comments.js";
import {
  asHead,
  type Comparing,
  type ComparisonWord,
  defaultComparison,
  describeComparisons,
  hasBase,
  withCommit,
} from "./model/comparing.js";
import { JUST_NOW_MS } from "./model/just-now.js";
import {
  FileMarks,
  loadComparison,
  loadSettings,
  type Settings,
  saveComparison,
  saveSettings,
} from "./model/settings.js";
import type { Relay } from "./relay.js";
import { Streams } from "./streams.js";
import type { DiffContext } from "./view/context.js";
import { DiffView } from "./view/diff-view.js";
import { FileList } from "./view/file-list.js";
import type { FileView } from "./view/file-view.js";
import { selectedLines } from "./view/selected-lines.js";

/** One chat on the page: its stream, its diff, and what the reader does with it. */
export class ChatPage {
  readonly status = new Observable<Status>({ state: "connecting" });
  readonly settings: Observable<Settings>;
  /** Edits since the reader last looked. */
  readonly unseen = new Observable(0);
  readonly progress = new Observable({ viewed: 0, all: 0 });
  /** How many comments there are. */
  readonly comments = new Observable(0);
  readonly comparing: Observable<Comparing>;
  readonly diff: DiffView;
  readonly list: FileList;
  readonly #relay: Relay;
  readonly #chat: string;
  readonly #comments: Comments;
  readonly #streams: Streams;
  /** What the reader has chosen; `undefined`: nothing. */
  #chosen: ComparisonWord | undefined;
  /** What is on the page. */
  #onPage: { state: Snapshot; word: ComparisonWord } | undefined;
  #lastEdited: FileView | undefined;

  constructor(relay: Relay, chat: string) {
    this.#relay = relay;
    this.#chat = chat;
    this.settings = new Observable(loadSettings(localStorage));
    this.#comments = new Comments(localStorage, chat);
    this.comments.value = this.#comments.all.length;
    const context: DiffContext = {
      comments: this.#comments,
      onComments: () => {
        this.comments.value = this.#comments.all.length;
      },
      settings: this.settings.value,
      marks: new FileMarks(localStorage, chat),
      justNowMs: JUST_NOW_MS,
      copy: (text) => void navigator.clipboard?.writeText(text),
      linesOf: (file, from, to) => relay.lines(chat, { ...file, compare: this.#compare }, from, to),
      imageOf: (file) => relay.image(chat, { ...file, compare: this.#compare }),
      onMarks: () => this.#showProgress(),
    };
    this.diff = new DiffView(context, (edited) => this.#noteEdits(edited));
    this.list = new FileList(this.diff, (file) => this.show(file));
    this.settings.observe(() => {
      context.settings = this.settings.value;
      saveSettings(localStorage, context.settings);
      this.#showSettings();
      this.diff.refresh();
    });
    this.#showSettings();
    this.#chosen = loadComparison(localStorage, chat);
    this.#streams = new Streams(relay.root, chat, {
      onState: (word) => this.#take(word),
      onError: (word, why) => {
        if (this.#isShown(word)) void this.#lost(why);
      },
      onEnd: (word, why) => {
        if (this.#isShown(word)) this.status.value = { state: "ended", why };
      },
    });
    this.comparing = new Observable(describeComparisons(this.#wanted, undefined, undefined));
    // a click counts once it is over: what goes as soon as the mouse is down takes its own click along, and moves others
    for (const sign of ["scroll", "keydown", "click"]) {
      document.addEventListener(sign, () => this.#looked(), { passive: true });
    }
  }

  /** Follows the chat. */
  run(): void {
    this.#streams.follow([this.#wanted]);
  }

  stop(): void {
    this.#streams.stop();
  }

  /** Connects anew, and so looks again. */
  refresh(): void {
    this.stop();
    this.run();
  }

  /** Shows the trees against something else. Commits are looked at; the other two are chosen, and kept for the next time. */
  compareWith(word: ComparisonWord): void {
    this.#chosen = word;
    if (word === "head" || word === "base") saveComparison(localStorage, this.#chat, word);
    this.#show();
  }

  /** Goes to a file. */
  show(file: FileView): void {
    this.diff.build(file);
    file.element.scrollIntoView({ block: "start" });
    file.element.focus({ preventScroll: true });
    document.body.toggleAttribute("data-files-open", false);
  }

  /** Opens the box for a comment on the lines that are selected. */
  comment(): void {
    const selected = selectedLines((each) => this.diff.fileAt(each));
    selected?.file.comment(selected.target);
  }

  /** Copies all comments as one text. */
  copyComments(): void {
    void navigator.clipboard?.writeText(promptOf(this.#comments.all));
  }

  /** Goes to what was edited last. */
  showEdits(): void {
    if (this.#lastEdited?.element.isConnected === true) this.#showFresh(this.#lastEdited);
    this.unseen.value = 0;
  }

  /** What is to be shown. The base is asked for first: what it says decides where nobody has chosen. */
  get #wanted(): ComparisonWord {
    const base = this.#streams.newest("base");
    return this.#chosen ?? (base === undefined ? "base" : defaultComparison(base));
  }

  /** What the trees are compared with that are on the page. */
  get #compare(): ComparisonWord {
    return this.#onPage?.word ?? "head";
  }

  /** Whether a stream is the one that the page is made of. */
  #isShown(word: ComparisonWord): boolean {
    return word === this.#source;
  }

  /** Which stream has what is wanted: where nothing has a base, that of the base brings HEAD's diff. */
  get #source(): ComparisonWord {
    const base = this.#streams.newest("base");
    return this.#wanted === "head" && base !== undefined && !hasBase(base) ? "base" : this.#wanted;
  }

  #take(word: ComparisonWord): void {
    if (!this.#isShown(word)) {
      this.#show();
      return;
    }
    const { scannedAt, isStale } = this.#streams.newest(word) ?? { scannedAt: new Date(), isStale: false };
    this.status.value = isStale
      ? { state: "stale", scannedAt, why: "The agent is away" }
      : { state: "live", scannedAt };
    this.#show();
  }

  /** Shows what is wanted as soon as it is here. The base is followed beside it, for what the switch says of it. */
  #show(): void {
    const [wanted, source] = [this.#wanted, this.#source];
    const newest = this.#streams.newest(source);
    // what is shown comes first
    const isFirst = newest === undefined && this.#streams.newest("base") === undefined;
    this.#streams.follow(isFirst ? [source] : [...new Set([source, "base" as const])]);
    if (newest !== undefined && (newest !== this.#onPage?.state || wanted !== this.#onPage.word)) {
      const shown = wanted === "head" ? asHead(newest) : wanted === "base" ? newest : withCommit(newest);
      this.#onPage = { state: newest, word: wanted };
      this.diff.update(shown);
      this.#showProgress();
    }
    const head = wanted === "head" ? newest : undefined;
    this.comparing.value = describeComparisons(wanted, this.#streams.newest("base"), head);
    this.diff.element.setAttribute("aria-busy", String(newest === undefined));
  }

  async #lost(why: string): Promise<void> {
    const before = this.status.value;
    const refused = await this.#relay.whyNoStream(this.#chat);
    if (this.status.value !== before) return; // it is back
    if (refused !== undefined && [401, 403, 404].includes(refused.status)) {
      this.stop();
      this.status.value = { state: "refused", ...refused };
      return;
    }
    const words = refused === undefined || refused.status === 0 ? "The relay is not reached" : refused.message;
    if (before.state === "live" || before.state === "stale") {
      this.status.value = { state: "stale", scannedAt: before.scannedAt, why: words };
    } else this.status.value = { state: "connecting", why: refused === undefined ? why : words };
  }

  #noteEdits(edited: readonly FileView[]): void {
    const last = edited.at(-1);
    if (last === undefined) return;
    this.#lastEdited = last;
    this.unseen.value += edited.length;
    if (this.settings.value.follow) this.#showFresh(last);
  }

  #showFresh(file: FileView): void {
    const fresh = file.element.querySelector(".now") ?? file.element;
    fresh.scrollIntoView({ block: fresh === file.element ? "start" : "center" });
  }

  #looked(): void {
    this.unseen.value = 0;
  }

  #showProgress(): void {
    const { files } = this.diff;
    const viewed = files.filter(({ isViewed }) => isViewed).length;
    const { value } = this.progress;
    if (value.viewed !== viewed || value.all !== files.length) this.progress.value = { viewed, all: files.length };
    this.list.update();
  }

  #showSettings(): void {
    this.diff.element.toggleAttribute("data-split", this.settings.value.split);
  }
}
