import { isIP } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls, type TLSSocket, type ConnectionOptions as TlsOptions } from "node:tls";
import type { AddressBook } from "./addresses.js";
import { DialError } from "./dial-failure.js";
import type { LinkStep } from "./failure.js";
import { connectThrough } from "./proxy.js";
import { connectFirst } from "./race.js";
import { connectFailure, nameFailure, passing, type Step, tlsFailure } from "./words.js";

/** Certificates and key, as PEM. */
export interface Certificates {
  ca?: string | undefined;
  cert?: string | undefined;
  key?: string | undefined;
}

/** Where a stream is to lead, and how. */
export interface StreamOptions extends Certificates {
  /** `ws:` or `wss:`. */
  url: URL;
  /** The HTTP proxy on the way, `http:` or `https:`. */
  proxy?: URL | undefined;
  book: AddressBook;
  /** Destroys whatever is being made. */
  signal: AbortSignal;
  /** Told of each step when it begins. */
  onStep: (step: Step) => void;
  /** Told which address was reached. */
  onAddress: (host: string, address: string) => void;
}

/** A host and port to connect to. */
interface Place {
  host: string;
  port: number;
  /** `HOST:PORT`, IPv6 in brackets. */
  text: string;
  /** As words name it: the proxy says that it is one. */
  words: string;
}

/**
 * Makes the stream on which the upgrade is asked for: name, address, port, the proxy's TLS and CONNECT, TLS.
 *
 * @throws DialError with the step that failed; an `AbortError` when the signal came first
 */
export async function openStream(options: StreamOptions): Promise<Duplex> {
  const { url, proxy, signal, onStep } = options;
  const target = placeOf(url, "");
  const { ca, cert, key } = options;
  let stream: Duplex;
  if (proxy === undefined) {
    stream = await reach(target, options);
  } else {
    const place = placeOf(proxy, "the proxy ");
    stream = await reach(place, options, "proxy");
    if (proxy.protocol === "https:") stream = await secure(stream, place, { ca }, options, "proxy");
    onStep({ step: "proxy", pending: `${place.words} did not answer CONNECT` });
    stream = await within(stream, signal, connectThrough(stream, proxy, target.text));
  }
  return url.protocol === "wss:" ? secure(stream, target, { ca, cert, key }, options) : stream;
}

/** Name, address and port. */
async function reach(
  place: Place,
  { book, signal, onStep, onAddress }: StreamOptions,
  role?: "proxy",
): Promise<Duplex> {
  const { host, port, words } = place;
  const inRole = (step: LinkStep) => role ?? step;
  onStep({ step: inRole("name"), pending: `the name ${host} was not resolved` });
  const addresses = await untilAborted(book.resolve(host), signal).catch((error: unknown) => {
    throw failed(signal, { ...nameFailure(host, error), ...(role && { step: role }) }, error);
  });
  onStep({ step: inRole("address"), pending: `no answer from ${words} (the connection was not made %)` });
  const connecting = connectFirst(addresses, port, signal);
  const socket = await untilAborted(connecting, signal).catch((error: unknown) => {
    throw failed(signal, { ...connectFailure(words, host, error), ...(role && { step: role }) }, error);
  });
  onAddress(host, socket.remoteAddress ?? "");
  return socket;
}

async function secure(
  stream: Duplex,
  { host, words }: Place,
  { ca, cert, key }: Certificates,
  { signal, onStep }: StreamOptions,
  step: LinkStep = "tls",
): Promise<TLSSocket> {
  onStep({ step, pending: `${words} did not end the TLS handshake` });
  const settings: TlsOptions = { socket: stream, host, servername: isIP(host) === 0 ? host : "" };
  if (ca !== undefined) settings.ca = ca;
  if (cert !== undefined) settings.cert = cert;
  if (key !== undefined) settings.key = key;
  let socket: TLSSocket;
  try {
    socket = connectTls(settings);
  } catch (error) {
    stream.destroy();
    // nothing was sent yet: OpenSSL does not take what the files hold
    throw new DialError({ ...tlsFailure(words, error, step), kind: "files" }, error);
  }
  const handshake = new Promise<TLSSocket>((resolve, reject) => {
    socket.once("secureConnect", () => resolve(socket));
    socket.on("error", (error) => reject(failed(signal, tlsFailure(words, error, step), error)));
    socket.once("close", () => reject(failed(signal, passing(step, `${words} cut the TLS handshake`))));
  });
  return within(socket, signal, handshake);
}

/** Destroys a stream when the signal comes before the promise settles. */
async function within<T>(stream: Duplex, signal: AbortSignal, promise: Promise<T>): Promise<T> {
  const destroy = () => stream.destroy();
  signal.addEventListener("abort", destroy, { once: true });
  if (signal.aborted) destroy();
  try {
    return await untilAborted(promise, signal);
  } finally {
    signal.removeEventListener("abort", destroy);
  }
}

function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

/** What came because of the signal is no failure of the step. */
function failed(signal: AbortSignal, failure: ConstructorParameters<typeof DialError>[0], cause?: unknown): unknown {
  return signal.aborted ? signal.reason : new DialError(failure, cause);
}

function placeOf({ protocol, hostname, port }: URL, role: string): Place {
  const isSecure = protocol === "wss:" || protocol === "https:";
  const number = port === "" ? (isSecure ? 443 : 80) : Number(port);
  const text = `${hostname}:${number}`;
  return { host: hostname.replace(/^\[(.*)\]$/, "$1"), port: number, text, words: `${role}${text}` };
}
