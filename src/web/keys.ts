import type { ChatPage } from "./chat-page.js";
import type { FileView } from "./view/file-view.js";

/** So far below the bar a hunk's head comes to stand, beneath the file's own. CSS pixels. */
const HUNK_TOP = 40;

/** Lets the reader go about by keyboard (the list is in chrome/keys-dialog.tsx). @param showHelp called for `?` */
export function listenToKeys(page: ChatPage, showHelp: () => void): void {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    const act = actionOf(page, event.key, showHelp);
    if (act === undefined) return;
    event.preventDefault();
    act();
  });
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("input:not([type=checkbox]), textarea, select, dialog") !== null;
}

function actionOf(page: ChatPage, key: string, showHelp: () => void): (() => void) | undefined {
  const { settings } = page;
  switch (key) {
    case "j":
      return () => goToFile(page, 1);
    case "k":
      return () => goToFile(page, -1);
    case "n":
      return () => goToHunk(page, 1);
    case "p":
      return () => goToHunk(page, -1);
    case "v":
      return () => viewed(page);
    case "x":
      return () => {
        const file = currentFile(page);
        file?.setCollapsed(!file.isCollapsed);
      };
    case "e":
      return () => expand(page);
    case "s":
      return () => {
        settings.value = { ...settings.value, split: !settings.value.split };
      };
    case "w":
      return () => {
        settings.value = { ...settings.value, whitespace: settings.value.whitespace === "hidden" ? "shown" : "hidden" };
      };
    case "b":
      return () => page.compareWith(page.comparing.value.shown === "base" ? "head" : "base");
    case "f":
      return () => {
        settings.value = { ...settings.value, follow: !settings.value.follow };
      };
    case "/":
      return () => {
        document.body.toggleAttribute("data-files-open", true);
        page.list.filter.focus();
      };
    case "c":
      return () => page.comment();
    case "r":
      return () => page.refresh();
    case "?":
      return showHelp;
    default:
      return undefined;
  }
}

/** @param step 1 or -1 */
export function goToFile(page: ChatPage, step: number): void {
  const files = shownFiles(page);
  const current = currentFile(page);
  const at = current === undefined ? -1 : files.indexOf(current);
  const isInside = current !== undefined && current.element.getBoundingClientRect().top < headHeight() - 4;
  // "previous" goes to the top of the file that is read first
  const next = step < 0 && isInside ? current : files[Math.max(0, at + step)];
  if (next !== undefined) page.show(next);
}

function goToHunk(page: ChatPage, step: number): void {
  const top = headHeight() + HUNK_TOP;
  const hunks = [...page.diff.element.querySelectorAll(".file:not([data-collapsed], [data-filtered]) .hunk")];
  const places = hunks.map((hunk) => ({ hunk, y: hunk.getBoundingClientRect().top }));
  const next = step > 0 ? places.find(({ y }) => y > top + 4) : places.findLast(({ y }) => y < top - 4);
  if (next !== undefined) window.scrollBy({ top: next.y - top });
}

/** Shows more around the hunk that has the focus, or else the one that is read: the last that begins at the top of the screen. */
function expand(page: ChatPage): void {
  const file = currentFile(page);
  const focused = document.activeElement?.closest(".hunk, .end");
  const y = focused?.getBoundingClientRect().top ?? headHeight() + HUNK_TOP + 4;
  if (file !== undefined) page.diff.expandAround(file, y);
}

function viewed(page: ChatPage): void {
  const file = currentFile(page);
  if (file === undefined) return;
  const files = shownFiles(page);
  const next = files[files.indexOf(file) + 1];
  file.setViewed(!file.isViewed);
  if (file.isViewed && next !== undefined) page.show(next);
}

/** The file that has the focus, or else the one at the top of the screen. */
function currentFile(page: ChatPage): FileView | undefined {
  const focused = document.activeElement && page.diff.fileAt(document.activeElement);
  if (focused != null && isOnScreen(focused)) return focused;
  return shownFiles(page).find(({ element }) => element.getBoundingClientRect().bottom > headHeight() + 1);
}

function isOnScreen({ element }: FileView): boolean {
  const { top, bottom } = element.getBoundingClientRect();
  return bottom > headHeight() && top < window.innerHeight;
}

function shownFiles(page: ChatPage): FileView[] {
  return page.diff.files.filter(({ isFiltered }) => !isFiltered);
}

function headHeight(): number {
  return document.querySelector(".bar")?.getBoundingClientRect().bottom ?? 0;
}
