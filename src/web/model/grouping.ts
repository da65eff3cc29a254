/** So many are in a group, where many come at once. */
export const GROUP_SIZE = 32;
/** A group that has grown beyond is taken apart. */
const MOST = 2 * GROUP_SIZE;

/** What is in which group. */
export interface Grouped<Item, Group> {
  /** `undefined`: a group that is to be made. */
  group: Group | undefined;
  /** At least one. */
  items: Item[];
}

/**
 * Puts a list into groups that follow each other. What was in a group stays in it as long as its order allows, so that it need
 * not be moved on the screen; what is new joins what stands before it.
 *
 * @param items all of them, in order, each once
 * @param before the groups there were, in order
 * @param groupOf the group of `before` that an item is in; `undefined`: it is new
 * @param isHeld is to stay in its group, should that be taken apart
 * @returns in order
 */
export function regroup<Item, Group>(
  items: readonly Item[],
  before: readonly Group[],
  groupOf: (item: Item) => Group | undefined,
  isHeld: (item: Item) => boolean,
): Grouped<Item, Group>[] {
  const places = new Map(before.map((group, at) => [group, at]));
  const placeOf = (item: Item) => places.get(groupOf(item) as Group);
  const staying = inOrder(items, placeOf);
  const grouped: Grouped<Item, Group>[] = [];
  for (const item of items) {
    const group = staying.has(item) ? groupOf(item) : undefined;
    const last = grouped.at(-1);
    if (last === undefined || (group !== undefined && last.group !== undefined && group !== last.group)) {
      grouped.push({ group, items: [item] });
    } else {
      last.items.push(item);
      last.group ??= group;
    }
  }
  return grouped.flatMap((each) => (each.items.length > MOST ? takenApart(each, isHeld) : each));
}

function takenApart<Item, Group>(
  { group, items }: Grouped<Item, Group>,
  isHeld: (item: Item) => boolean,
): Grouped<Item, Group>[] {
  const parts: Grouped<Item, Group>[] = [];
  for (let at = 0; at < items.length; at += GROUP_SIZE) {
    parts.push({ group: undefined, items: items.slice(at, at + GROUP_SIZE) });
  }
  const kept = parts.find((part) => part.items.some(isHeld)) ?? parts[0];
  if (kept !== undefined) kept.group = group;
  return parts;
}

/** An item, and the one that stands before it in a row of items. */
interface Link<Item> {
  item: Item;
  place: number;
  before: Link<Item> | undefined;
}

/** The most of the items that have places which never go down. The others have moved, or have no place. */
function inOrder<Item>(items: readonly Item[], placeOf: (item: Item) => number | undefined): Set<Item> {
  // of all rows of one length, the end of the one that ends at the lowest place
  const ends: Link<Item>[] = [];
  for (const item of items) {
    const place = placeOf(item);
    if (place === undefined) continue;
    let [low, high] = [0, ends.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((ends[middle]?.place ?? 0) <= place) low = middle + 1;
      else high = middle;
    }
    ends[low] = { item, place, before: ends[low - 1] };
  }
  const found = new Set<Item>();
  for (let link = ends.at(-1); link !== undefined; link = link.before) found.add(link.item);
  return found;
}
