import { errorBodySchema } from "../../protocol/index.js";

/** What any request may be answered with: it makes no sense, takes too long, is too large, or meets a fault, or the store's. */
const ALWAYS = [400, 408, 431, 500, 503];

/** Over the limits, for those who say who they are. */
const OF_CALLERS = [401, 429];

/** Of a body that is JSON: too large, or of another type. */
export const OF_JSON_BODIES = [413, 415];

/** The error body for each of these statuses, and for the ones that any route may answer with. */
export function errorResponses(...statuses: number[]): Record<number, typeof errorBodySchema> {
  return Object.fromEntries([...ALWAYS, ...statuses].map((status) => [status, errorBodySchema]));
}

/** The same for a route that asks who is calling. */
export function callerErrors(...statuses: number[]): Record<number, typeof errorBodySchema> {
  return errorResponses(...OF_CALLERS, ...statuses);
}
