import { type LinkFailure, TreewireError } from "../../util/index.js";
import { type FailureKind, speaksTls, withoutPlace } from "../../util/link/index.js";

/** What the relay says of a chat whose workspace has no agent's token (docs/protocol.md): an invite that nobody used leads there. */
const NOBODY_JOINED = "Chat workspace not found.";

/** A failure as dialling has it. */
type Failure = LinkFailure & { kind?: FailureKind };

export interface VerdictOptions {
  /** The watch URL, `ws:` or `wss:`. */
  url: URL;
  token: string;
  /** Whether a connection has been of use. What cannot mend itself is final before that alone: later it may be a proxy's doing. */
  hasServed: () => boolean;
}

/** What is left of the connections to a relay, for people: whether to try again, and what to say. */
export class Verdict {
  readonly #options: VerdictOptions;
  #error: TreewireError | undefined;

  constructor(options: VerdictOptions) {
    this.#options = options;
  }

  /** Why it has ended. */
  get error(): TreewireError | undefined {
    return this.#error;
  }

  /** The failure, final if trying again cannot mend it. */
  async judge(failure: Failure): Promise<Failure> {
    this.#error = failure.isFinal ? this.#refusal(failure) : await this.#mistake(failure);
    return this.#error === undefined ? failure : { ...failure, isFinal: true };
  }

  /** One line about a failure that passes, without its end. */
  words(failure: Failure): string {
    const { why, kind, isAgentAway } = failure;
    if (isAgentAway === true) return "the workspace's agent is not connected";
    const isNobody =
      kind === "unreachable" && (failure.step === "name" || failure.step === "port" || failure.step === "address");
    return isNobody ? new TreewireError("TW_RELAY_UNREACHABLE", this.#options.url.host, { detail: why }).message : why;
  }

  /** The relay's own word. */
  #refusal({ status, step, why }: Failure): TreewireError {
    const { url, token } = this.#options;
    // a refused token is told by 401 before the connection, by 4003 on it
    if (status === 401 || step === "open") {
      const detail = token.startsWith("twa_")
        ? "an agent's; watch takes a client's token, or a link"
        : "it is no client's token of this relay, or no longer";
      return new TreewireError("TW_TOKEN_REJECTED", url.host, { detail });
    }
    if (status === 404 && why === "Route not found.") return new TreewireError("TW_WRONG_PATH", relayOf(url));
    const detail = why === NOBODY_JOINED ? "no agent has joined its workspace, and no invite waits for one" : why;
    return new TreewireError("TW_WATCH_REFUSED", url.href, { detail });
  }

  /** What whoever typed the URL has to mend. */
  async #mistake({ kind, step, why }: Failure): Promise<TreewireError | undefined> {
    const { url, hasServed } = this.#options;
    if (kind === "files") return new TreewireError("TW_TLS_FILES", url.host, { detail: why });
    if (hasServed()) return undefined;
    if (kind === "untrusted" && step === "tls")
      return new TreewireError("TW_RELAY_UNTRUSTED", url.host, { detail: withoutPlace(why, url.host) });
    const mixed = (scheme: string, port: string) =>
      new TreewireError("TW_WRONG_SCHEME", relayOf(url), { detail: `${port}; try ${scheme}://${url.host}` });
    if (url.protocol === "wss:") {
      return kind === "nonsense" && step === "tls" ? mixed("http", "this port does not speak https") : undefined;
    }
    const isCut = step === "upgrade" && (kind === "nonsense" || kind === "unreachable");
    return isCut && (await speaksTls(url)) ? mixed("https", "this port speaks https") : undefined;
  }
}

/** The relay's URL behind that of a stream. */
function relayOf(url: URL): string {
  return `${url.protocol.replace("ws", "http")}//${url.host}${url.pathname.replace(/\/api\/v2\/chats\/.*$/, "")}`;
}
