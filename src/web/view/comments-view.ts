import { type Comment, type CommentSide, type Comments, placeOfComment } from "../model/comments.js";
import { element } from "./dom.js";

/** The lines that a comment is to be about. */
export interface CommentTarget {
  side: CommentSide;
  from: number;
  to: number;
  code: string;
  /** Both versions have them. */
  isContext: boolean;
}

const ELSEWHERE = { changed: "its lines have changed", "left-out": "not among the lines that are shown" };

/** The comments of one file, below its hunks, and the box for a new one. */
export class CommentsView {
  readonly element = element("div", { class: "comments" });
  readonly #comments: Comments;
  readonly #file: { root: string; key: string; path: string };
  readonly #onChange: () => void;
  readonly #list = element("div");

  /** @param onChange called when a comment was made or deleted */
  constructor(comments: Comments, file: { root: string; key: string; path: string }, onChange: () => void) {
    this.#comments = comments;
    this.#file = file;
    this.#onChange = onChange;
    this.element.append(this.#list);
  }

  /** Shows the comments beside the file as it is. @param rows its rows (model/rows.ts) */
  update(rows: readonly string[]): void {
    const comments = this.#comments.of(this.#file.root, this.#file.key);
    this.#list.replaceChildren(...comments.map((comment) => this.#entry(comment, rows)));
  }

  /** Opens the box for a comment on some lines. */
  write(target: CommentTarget): void {
    this.element.querySelector("form")?.remove();
    const text = element("textarea", { "aria-label": "Comment", rows: "3", required: "" });
    const cancel = element("button", { type: "button", class: "quiet" }, "Cancel");
    const form = element(
      "form",
      { class: "comment new" },
      element("p", { class: "lines-of" }, wordsOf(target)),
      text,
      element("div", { class: "buttons" }, element("button", { type: "submit" }, "Keep"), cancel),
    );
    const close = () => form.remove();
    cancel.addEventListener("click", close);
    form.addEventListener("keydown", (event) => {
      if (event.key === "Escape") close();
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (text.value.trim() === "") return;
      this.#comments.add({ id: crypto.randomUUID(), ...this.#file, ...target, text: text.value.trim() });
      close();
      this.#onChange();
    });
    this.element.append(form);
    form.scrollIntoView({ block: "nearest" });
    text.focus({ preventScroll: true });
  }

  #entry(comment: Comment, rows: readonly string[]): HTMLElement {
    const place = placeOfComment(comment, rows);
    const remove = element("button", { type: "button", class: "quiet" }, "Delete");
    remove.addEventListener("click", () => {
      this.#comments.delete(comment.id);
      this.#onChange();
    });
    const where =
      place.kind === "here" ? wordsOf({ ...comment, ...place }) : `${wordsOf(comment)} · ${ELSEWHERE[place.kind]}`;
    return element(
      "article",
      { class: "comment", "data-outdated": place.kind === "changed" ? "" : undefined },
      element("p", { class: "lines-of" }, where, remove),
      element("pre", { class: "quoted" }, comment.code),
      element("p", { class: "text" }, comment.text),
    );
  }
}

function wordsOf({ side, from, to }: Pick<CommentTarget, "side" | "from" | "to">): string {
  const lines = from === to ? `Line ${from}` : `Lines ${from} to ${to}`;
  return side === "old" ? `${lines}, as they were` : lines;
}
