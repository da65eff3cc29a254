import type { Gap } from "../model/old-lines.js";
import { element } from "./dom.js";
import { CONTEXT_STEP, type Wish } from "./expansion.js";

const WISHES: readonly Wish[] = ["down", "up", "function", "all"];

/** The controls for lines that are left out at one place, and what became of the last one that was used. */
export class GapView {
  readonly element = element("span", { class: "more" });
  readonly #buttons = new Map(
    WISHES.map((wish) => [
      wish,
      element("button", { type: "button", "data-action": "expand-context", "data-expand": wish }),
    ]),
  );
  readonly #said = element("span", { class: "said", role: "status" });

  constructor() {
    this.element.append(...this.#buttons.values(), this.#said);
  }

  /** @param heading of the hunk below */
  update({ from, to }: Gap, heading: string): void {
    const count = to === undefined ? Number.POSITIVE_INFINITY : to - from;
    const isLong = count > CONTEXT_STEP;
    const lines = count === 1 ? "1 line" : `${count} lines`;
    this.#show("down", isLong && from > 1, `↓ ${CONTEXT_STEP}`, `Show ${CONTEXT_STEP} lines below line ${from - 1}`);
    this.#show("up", isLong && to !== undefined, `↑ ${CONTEXT_STEP}`, `Show ${CONTEXT_STEP} lines above line ${to}`);
    const hasFunction = isLong && to !== undefined && heading.trim() !== "";
    this.#show("function", hasFunction, "↑ Function", `Show the function from its head on: ${heading.trim()}`);
    if (to === undefined) this.#show("all", true, "All", `Show all lines from ${from} to the end`);
    else this.#show("all", count > 0, isLong ? `All ${count}` : lines, `Show all ${lines}, ${from} to ${to - 1}`);
    this.say("");
  }

  /** Says why nothing is shown. */
  say(words: string): void {
    if (this.#said.textContent !== words) this.#said.textContent = words;
  }

  #show(wish: Wish, isShown: boolean, text: string, name: string): void {
    const button = this.#buttons.get(wish);
    if (button === undefined) return;
    // who has come here by keyboard stays here
    if (!isShown && document.activeElement === button) this.#buttons.get("all")?.focus({ preventScroll: true });
    button.hidden = !isShown;
    if (!isShown) return;
    if (button.textContent !== text) button.textContent = text;
    button.title = name;
    button.setAttribute("aria-label", name);
  }
}
