import { describeError, type ErrorCode, TreewireError } from "../errors.js";
import type { LinkFailure } from "./failure.js";

/**
 * What is to be done about a failure: nobody answers for now; a certificate proves nothing; what answers is no relay, or lies
 * between; a proxy alters the upgrade; the relay does not take the token, or refuses the request itself; our own certificate files cannot be used.
 */
export type FailureKind = "unreachable" | "untrusted" | "nonsense" | "altered" | "rejected" | "refused" | "files";

/** Why a connection did not come to be, with what to do about it. */
export interface DialFailure extends LinkFailure {
  kind: FailureKind;
}

/** A step on the way to the relay failed. */
export class DialError extends Error {
  readonly failure: DialFailure;

  constructor(failure: DialFailure, cause?: unknown) {
    super(failure.why, { cause });
    this.failure = failure;
  }
}

const CODES: Record<Exclude<FailureKind, "refused">, ErrorCode> = {
  unreachable: "TW_RELAY_UNREACHABLE",
  untrusted: "TW_RELAY_UNTRUSTED",
  nonsense: "TW_RELAY_NONSENSE",
  altered: "TW_PROXY_ALTERS",
  rejected: "TW_TOKEN_REJECTED",
  files: "TW_TLS_FILES",
};

/**
 * The error that people are told.
 *
 * @param subject the relay's host with its port, or its URL
 * @param refused what the relay's own refusal of the request means to whoever dialled
 */
export function dialError(subject: string, { kind, why }: DialFailure, refused: ErrorCode): TreewireError {
  return new TreewireError(kind === "refused" ? refused : CODES[kind], subject, { detail: withoutPlace(why, subject) });
}

/** Why, without the place in front that is said before. @param place `HOST:PORT` */
export function withoutPlace(why: string, place: string): string {
  return why.startsWith(`${place}: `) ? why.slice(place.length + ": ".length) : why;
}

/** The failure for whoever says it without an error's code and advice, on one line. */
export function dialWords({ kind, why }: DialFailure): string {
  return kind === "altered" ? `${describeError(CODES.altered).what}: ${why}` : why;
}
