import * as z from "zod";

/**
 * An array from a peer that is not trusted: its length is looked at before any element is, and the first element that is
 * wrong ends the look. `z.array(…).max(…)` checks every element first, and keeps a complaint about each.
 *
 * @param max how many elements it may have
 * @param isPlain whether an element is one of which the schema would make an equal one, where that can be said faster: nearly all
 *   are, and a list may have a hundred thousand
 */
export function boundedArray<Element extends z.ZodType>(
  element: Element,
  max: number,
  isPlain: (value: unknown) => boolean = () => false,
) {
  return z.unknown().transform((value, context): z.output<Element>[] => {
    const refuse = (message: string) => {
      context.issues.push({ code: "custom", message, input: undefined });
      return z.NEVER;
    };
    if (!Array.isArray(value)) return refuse("not an array");
    if (value.length > max) return refuse(`over ${max} elements`);
    const elements: z.output<Element>[] = [];
    for (const each of value) {
      if (isPlain(each)) {
        elements.push(each);
        continue;
      }
      const result = element.safeParse(each);
      if (!result.success) return refuse("a wrong element");
      elements.push(result.data);
    }
    return elements;
  });
}
