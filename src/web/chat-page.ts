import { WatchEndedError, watchTrees } from "../client/index.js";
import { Observable } from "./chrome/state.js";
import type { Status } from "./chrome/status.js";
import { Comments, promptOf } from "./model/comments.js";
import { JUST_NOW_MS } from "./model/just-now.js";
import { FileMarks, loadSettings, type Settings, saveSettings } from "./model/settings.js";
import type { Relay } from "./relay.js";
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
  readonly diff: DiffView;
  readonly list: FileList;
  readonly #relay: Relay;
  readonly #chat: string;
  readonly #comments: Comments;
  #stop = new AbortController();
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
    for (const sign of ["scroll", "keydown", "pointerdown"]) {
      document.addEventListener(sign, () => this.#looked(), { passive: true });
    }
  }

  /** Follows the chat until it ends. */
  async run(): Promise<void> {
    try {
      await this.#watch(this.#stop.signal);
    } catch (thrown) {
      if (!(thrown instanceof WatchEndedError)) throw thrown;
      this.status.value = { state: "ended", why: thrown.message };
    }
  }

  stop(): void {
    this.#stop.abort();
  }

  /** Connects anew, and so looks again. */
  refresh(): void {
    this.#stop.abort();
    this.#stop = new AbortController();
    void this.run();
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

  async #watch(signal: AbortSignal): Promise<void> {
    const options = {
      url: this.#relay.root.href,
      chat: this.#chat,
      stale: true,
      signal,
      onError: (why: string) => void this.#lost(why),
    };
    for await (const snapshot of watchTrees(options)) {
      const { scannedAt, isStale } = snapshot;
      this.status.value = isStale
        ? { state: "stale", scannedAt, why: "The agent is away" }
        : { state: "live", scannedAt };
      this.diff.update(snapshot);
      this.list.update();
      this.#showProgress();
    }
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
