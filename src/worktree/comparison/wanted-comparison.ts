import { type ComparisonRequest, comparisonWord } from "../../protocol/index.js";

/** One comparison that is wanted of a tree. */
export interface WantedComparison {
  readonly request: ComparisonRequest;
  /** The ref that a chat names as base. */
  readonly base?: string | undefined;
}

/** Names one {@link WantedComparison}: two of one name are the same. */
export function comparisonKey({ request, base = "" }: WantedComparison): string {
  return request.kind === "base" && base !== "" ? `base:${base}` : comparisonWord(request);
}
