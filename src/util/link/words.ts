import { messageOf, systemCode } from "../errors.js";
import type { DialFailure, FailureKind } from "./dial-failure.js";
import type { LinkStep } from "./failure.js";
import { NoAddressError } from "./race.js";

/** Where a step of dialling stands, for its words: the place is `HOST:PORT`, the proxy's with its role before it. */
export interface Step {
  step: LinkStep;
  /** What has not happened yet; the time limit stands behind it. */
  pending: string;
}

/** A failure that passes, as all of the network's do. */
export function passing(step: LinkStep, why: string, kind: FailureKind = "unreachable"): DialFailure {
  return { step, why, isFinal: false, kind };
}

/** The time limit came before the step's end. @param limitMs of the whole attempt */
export function lateFailure({ step, pending }: Step, limitMs: number): DialFailure {
  const seconds = `in ${limitMs / 1000} s`;
  return passing(step, pending.includes("%") ? pending.replace("%", seconds) : `${pending} ${seconds}`);
}

/** The name was not resolved. @param host as it was looked up */
export function nameFailure(host: string, error: unknown): DialFailure {
  const code = systemCode(error) ?? messageOf(error);
  const why = code === "ENOTFOUND" ? `the name ${host} is not known` : `the name ${host} cannot be resolved`;
  return passing("name", `${why} (${code})`);
}

const NO_WAY = /^(ENETUNREACH|EHOSTUNREACH|EADDRNOTAVAIL|EAFNOSUPPORT|ENETDOWN|EHOSTDOWN)$/;

/** No address took the connection. @param place `HOST:PORT` */
export function connectFailure(place: string, host: string, error: unknown): DialFailure {
  const failures = error instanceof NoAddressError ? error.failures : [];
  const isLiteral = failures.length === 1 && failures[0]?.address === host;
  const each = failures.map(({ address, code }) => (isLiteral ? code : `${address}: ${code}`));
  const codes = each.length === 0 ? messageOf(error) : each.join(", ");
  const some = (test: (code: string) => boolean) => failures.some(({ code }) => test(code));
  // where one address refuses, the host is there: what it lacks is the port
  if (some((code) => code === "ECONNREFUSED")) return passing("port", `nothing listens at ${place} (${codes})`);
  if (some((code) => code === "ETIMEDOUT")) return passing("address", `no answer from ${place} (${codes})`);
  if (some((code) => NO_WAY.test(code))) return passing("address", `there is no way to ${place} (${codes})`);
  return passing("address", `no connection to ${place} (${codes})`);
}

/** OpenSSL's words for a certificate whose authority is not among the known ones. */
const UNKNOWN_AUTHORITY =
  /^(SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_GET_ISSUER_CERT|UNABLE_TO_GET_ISSUER_CERT_LOCALLY|UNABLE_TO_VERIFY_LEAF_SIGNATURE|CERT_UNTRUSTED)$/;
const OTHER_CERTIFICATE = /^(CERT_|INVALID_|HOSTNAME_MISMATCH|UNABLE_TO_|ERR_TLS_CERT_|PATH_LENGTH_EXCEEDED)/;
/** The other side did not take our certificate, or wants one (RFC 8446, 6.2). */
const ITS_ALERT =
  /ALERT_(BAD_CERTIFICATE|CERTIFICATE_|UNKNOWN_CA|UNSUPPORTED_CERTIFICATE|ACCESS_DENIED|HANDSHAKE_FAILURE)/;
const NOT_TLS = /^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|UNEXPECTED_MESSAGE|HTTP_REQUEST|.*_RECORD.*)$/;

/**
 * TLS failed.
 *
 * @param place with whom, as the words name it
 * @param step `proxy` for TLS with a proxy
 */
export function tlsFailure(place: string, error: unknown, step: LinkStep = "tls"): DialFailure {
  const code = systemCode(error) ?? messageOf(error);
  const certificate = certificateWords(code, error);
  if (certificate !== undefined) return passing(step, `${place}: ${certificate} (${code})`, "untrusted");
  const alert = alertFailure(place, error, step);
  if (alert !== undefined) return alert;
  if (NOT_TLS.test(code)) return passing(step, `${place} does not speak TLS (${code})`, "nonsense");
  return passing(step, `the TLS handshake with ${place} failed (${code})`);
}

/** The other side's alert about our certificate, which with TLS 1.3 comes after the handshake; `undefined` for other errors. */
export function alertFailure(place: string, error: unknown, step: LinkStep = "tls"): DialFailure | undefined {
  const code = systemCode(error) ?? "";
  if (!ITS_ALERT.test(code)) return undefined;
  return passing(step, `${place} wants a client certificate that it trusts: see cert-file and key-file (${code})`);
}

function certificateWords(code: string, error: unknown): string | undefined {
  if (code === "CERT_HAS_EXPIRED") return "the certificate has expired, or this machine's clock is ahead";
  if (code === "CERT_NOT_YET_VALID") return "the certificate is not valid yet, or this machine's clock is behind";
  if (UNKNOWN_AUTHORITY.test(code)) return "the certificate's authority is not known here: name it with ca-file";
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") return `the certificate is for another host: ${altNames(error)}`;
  return OTHER_CERTIFICATE.test(code) ? "the certificate is not accepted" : undefined;
}

function altNames(error: unknown): string {
  return error instanceof Error && "reason" in error ? messageOf(String(error.reason)) : messageOf(error);
}

/** The upgrade came to nothing without an answer in HTTP. @param place `HOST:PORT` */
export function upgradeFailure(place: string, error: unknown): DialFailure {
  const code = systemCode(error);
  const message = messageOf(error);
  const alert = alertFailure(place, error);
  if (alert !== undefined) return alert;
  if (code?.startsWith("HPE_") === true) {
    return passing("upgrade", `${place} does not speak HTTP (${code})`, "nonsense");
  }
  if (message === "Server sent no subprotocol") {
    return passing("upgrade", `the answer of ${place} came without Sec-WebSocket-Protocol`, "altered");
  }
  // ws's checks of the answer have no codes
  if (/^Server (sent|indicated)|^Invalid (Upgrade|Sec-WebSocket)/.test(message)) {
    return passing("upgrade", `${place} does not answer as a WebSocket has to (${message})`, "nonsense");
  }
  return passing("upgrade", `the connection to ${place} was cut before the upgrade was answered (${code ?? message})`);
}
