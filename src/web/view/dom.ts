/** What an element is given besides its children: attributes, and `class` among them. `undefined` leaves one out. */
type Attributes = Record<string, string | undefined>;

/** Makes an element. @param children text counts as text, whatever it holds */
export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** How many units two texts share at the start and, beyond those, at the end. */
export function commonEnds(before: string, after: string): { prefix: number; suffix: number } {
  const shorter = Math.min(before.length, after.length);
  let prefix = 0;
  while (prefix < shorter && before.charCodeAt(prefix) === after.charCodeAt(prefix)) prefix += 1;
  let suffix = 0;
  while (
    suffix < shorter - prefix &&
    before.charCodeAt(before.length - 1 - suffix) === after.charCodeAt(after.length - 1 - suffix)
  ) {
    suffix += 1;
  }
  return { prefix, suffix };
}

/** Changes a text where it differs, so that selections in the rest of it stay. */
export function changeText(node: Text, text: string): void {
  const before = node.data;
  if (before === text) return;
  let { prefix: start, suffix: end } = commonEnds(before, text);
  // what is put between two lines stands behind the first one's line feed or before the second one's: the latter leaves alone
  // what is selected from the start of the second line on
  const isInsertion = start + end === before.length;
  while (isInsertion && start > 0 && text[start - 1] === "\n" && text[text.length - end - 1] === "\n") {
    start -= 1;
    end += 1;
  }
  node.replaceData(start, before.length - start - end, text.slice(start, text.length - end));
}

/**
 * Makes a parent's children those of a list, in its order, and touches none that is there already: a browser that moves an
 * element forgets what is selected and focused in it.
 *
 * @param first the children before this one are not of the list
 */
export function syncChildren(
  parent: Element,
  wanted: readonly Element[],
  first: Element | null = parent.firstElementChild,
): void {
  const keep = new Set(wanted);
  let at = first;
  for (const child of wanted) {
    while (at !== null && at !== child && !keep.has(at)) {
      const gone: Element = at;
      at = at.nextElementSibling;
      gone.remove();
    }
    if (at === child) at = at.nextElementSibling;
    else parent.insertBefore(child, at);
  }
  while (at !== null) {
    const gone = at;
    at = at.nextElementSibling;
    gone.remove();
  }
}
