import { formatBytes } from "../../protocol/browser.js";
import type { ImageSides } from "../model/images.js";
import type { Refused } from "../relay.js";
import { element, syncChildren } from "./dom.js";

/** Asks for the image that a blob is, at one side of the file. */
export type AskImage = (side: "old" | "new", blob: string) => Promise<Refused | Blob>;

/** Both versions of an image beside each other, while they are near the screen; as high without them as with them. */
export class ImagesView {
  readonly element = element("div", { class: "images" });
  readonly #old: SideView;
  readonly #new: SideView;

  /** @param path in what is spoken of them */
  constructor(path: string, ask: AskImage) {
    this.#old = new SideView("old", path, ask);
    this.#new = new SideView("new", path, ask);
  }

  /** @param isNear whether they are to be seen: only then are they asked for, and kept */
  update(sides: ImageSides, isNear: boolean): void {
    const isBoth = sides.old !== undefined && sides.new !== undefined;
    this.#old.update(sides.old, isBoth ? "Before" : "Deleted", isNear);
    this.#new.update(sides.new, isBoth ? "After" : "Added", isNear);
    const shown = [sides.old && this.#old.element, sides.new && this.#new.element];
    syncChildren(
      this.element,
      shown.filter((each) => typeof each === "object"),
    );
  }

  /** They are shown no longer: the browser may forget them. */
  dispose(): void {
    this.update({ old: undefined, new: undefined }, false);
  }
}

/** One version. */
class SideView {
  readonly element: HTMLElement;
  readonly #side: "old" | "new";
  readonly #path: string;
  readonly #ask: AskImage;
  readonly #name = document.createTextNode("");
  readonly #size = element("span", { class: "dim" });
  readonly #place = element("div", { class: "image" });
  readonly #said = element("p", { role: "status" });
  /** The blob that is shown, or asked for. */
  #blob: string | undefined;
  /** By which the browser knows the bytes. */
  #url: string | undefined;

  constructor(side: "old" | "new", path: string, ask: AskImage) {
    this.#side = side;
    this.#path = path;
    this.#ask = ask;
    const caption = element("figcaption", {}, element("span", {}, this.#name), this.#size);
    this.#place.append(this.#said);
    this.element = element("figure", { "data-side": side }, caption, this.#place);
  }

  update(blob: string | undefined, name: string, isNear: boolean): void {
    this.#name.data = name;
    const wanted = isNear ? blob : undefined;
    if (wanted === this.#blob) return;
    this.#blob = wanted;
    if (wanted === undefined) this.#clear();
    else void this.#load(wanted);
  }

  /** What was shown before stays until the next one is here. */
  async #load(blob: string): Promise<void> {
    const answer = await this.#ask(this.#side, blob);
    if (blob !== this.#blob) return;
    if ("message" in answer) {
      this.#clear(`Not shown: ${answer.message.charAt(0).toLowerCase()}${answer.message.slice(1)}`);
      return;
    }
    const url = URL.createObjectURL(answer);
    const image = element("img", { alt: `${this.#path}, ${this.#name.data.toLowerCase()}` });
    const isRead = await new Promise<boolean>((done) => {
      image.onload = () => done(true);
      image.onerror = () => done(false);
      image.src = url;
    });
    if (blob !== this.#blob || !isRead) {
      URL.revokeObjectURL(url);
      if (blob === this.#blob) this.#clear("Not shown: the browser can't read it.");
      return;
    }
    this.#clear();
    this.#url = url;
    this.#size.textContent = `${image.naturalWidth} × ${image.naturalHeight}, ${formatBytes(answer.size)}`;
    this.#place.append(image);
  }

  #clear(words = ""): void {
    if (this.#url !== undefined) URL.revokeObjectURL(this.#url);
    this.#url = undefined;
    this.#size.textContent = "";
    this.#said.textContent = words;
    this.#place.replaceChildren(this.#said);
  }
}
