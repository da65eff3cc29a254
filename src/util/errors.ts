import { withoutCredentials } from "./secrets/credentials.js";

/**
 * Every error that a person or a peer can see, in one place: a stable code, what happened, what to do.
 * `docs/errors.md` lists the same codes; a test compares the two in both directions.
 */
const REGISTRY = {
  TW_BAD_USAGE: { exitStatus: 2, what: "bad usage", advice: "see --help" },
  TW_BAD_CONFIG: { exitStatus: 2, what: "bad configuration", advice: "correct it; --help lists the settings" },
  TW_PATH_NOT_FOUND: { exitStatus: 2, what: "no such file or directory", advice: "check the path" },
  TW_PATH_UNREADABLE: { exitStatus: 2, what: "cannot be read", advice: "check its permissions" },
  TW_NOT_A_REPOSITORY: {
    exitStatus: 2,
    what: "not a git repository (or any of its parents)",
    advice: "name a path inside a working tree, or run `git init` there",
  },
  TW_BARE_REPOSITORY: {
    exitStatus: 2,
    what: "a bare repository has no working tree",
    advice: "name a path inside a working tree",
  },
  TW_CORRUPT_REPOSITORY: { exitStatus: 2, what: "the repository is damaged", advice: "run `git fsck` there" },
  TW_NOT_FETCHED: {
    exitStatus: 2,
    what: "this partial clone has not fetched an object yet",
    advice: "run `git diff` there, which fetches it",
  },
  TW_NO_SUCH_REVISION: {
    exitStatus: 2,
    what: "there is nothing to compare with",
    advice: "name a ref that is here, as `git rev-parse` finds it; `git fetch` brings others",
  },
  TW_UNTRUSTED_REPOSITORY: {
    exitStatus: 2,
    what: "the repository belongs to another user",
    advice: "run `git config --global --add safe.directory` with its path if you trust it",
  },
  TW_PATH_REFUSED: {
    exitStatus: 2,
    what: "not in the directories that this workspace lets be shown",
    advice: "allow it there, with --allow-root, --root or `agent track`",
  },
  TW_FILTER_FAILED: {
    exitStatus: 2,
    what: "its content can't be read as git does",
    advice: "run `git diff` on it and mend the filter",
  },
  TW_UNKNOWN_ENCODING: {
    exitStatus: 2,
    what: "its `working-tree-encoding` is not known",
    advice: "name another one in .gitattributes",
  },
  TW_BAD_PATTERN: {
    exitStatus: 2,
    what: "its diff driver has a pattern that is no regular expression",
    advice: "correct it in git's configuration",
  },
  TW_BAD_GIT_CONFIG: {
    exitStatus: 2,
    what: "git's configuration cannot be used",
    advice: "correct it; `git config --list` has to print it",
  },
  TW_UNSUPPORTED_REPOSITORY: {
    exitStatus: 2,
    what: "the repository uses a feature that cannot be read",
    advice: "install git, which can",
  },
  TW_TREE_UNREADABLE: {
    exitStatus: 1,
    what: "the working tree cannot be read",
    advice: "what was read last stays; it is tried again",
  },
  TW_BAD_TOKEN_FILE: { exitStatus: 2, what: "no token in the token file", advice: "write the token, alone, into it" },
  TW_FILE_AWAITED: { exitStatus: 2, what: "not there yet", advice: "it is waited for" },
  TW_NO_TOKEN: { exitStatus: 2, what: "no token given", advice: "use --token-file or the environment variable" },
  TW_BAD_URL: { exitStatus: 2, what: "not a relay URL", advice: "give http://, https://, ws:// or wss:// and a host" },
  TW_RELAY_UNREACHABLE: { exitStatus: 1, what: "the relay cannot be reached", advice: "check the URL and the network" },
  TW_RELAY_UNTRUSTED: {
    exitStatus: 1,
    what: "the relay's certificate is not trusted",
    advice: "name its authority with --ca-file, or correct the certificate",
  },
  TW_RELAY_NONSENSE: {
    exitStatus: 1,
    what: "what answers there is not a Treewire relay",
    advice: "check the URL and any proxy before it",
  },
  TW_PROXY_ALTERS: {
    exitStatus: 1,
    what: "a proxy before the relay alters the upgrade",
    advice: "have it speak HTTP/1.1 and pass Upgrade, Connection and Sec-WebSocket-* on",
  },
  TW_TOKEN_REJECTED: { exitStatus: 77, what: "the relay rejects the token", advice: "create a new one on the relay" },
  TW_INVITE_REJECTED: {
    exitStatus: 77,
    what: "the relay does not take the invite",
    advice: "have a new one made there, by `treewire relay invite`",
  },
  TW_JOINED_ALREADY: {
    exitStatus: 2,
    what: "an agent has joined from here before",
    advice: "start it without --join, or replace its settings with --force",
  },
  TW_CONFIG_DIR: { exitStatus: 1, what: "settings cannot be written there", advice: "name another --config-dir" },
  TW_PLAIN_HTTP: {
    exitStatus: 2,
    what: "plain http would show the secret to everyone on the way",
    advice: "use https, or --insecure where the network is trusted",
  },
  TW_WRONG_SCHEME: {
    exitStatus: 2,
    what: "http and https are mixed up",
    advice: "correct the URL's scheme",
  },
  TW_WRONG_PATH: {
    exitStatus: 2,
    what: "there is a relay, but not at this path",
    advice: "correct the URL's path",
  },
  TW_TOKEN_OUTDATED: {
    exitStatus: 75,
    what: "the relay rejects the token that systemd handed over",
    advice: "a restart reads the file anew",
  },
  TW_REPLACED: {
    exitStatus: 78,
    what: "another agent has taken this workspace",
    advice: "stop one of the two, or give each a workspace and a token of its own",
  },
  TW_WATCH_REFUSED: {
    exitStatus: 1,
    what: "the relay does not let this chat be watched",
    advice: "check the chat's id, its owner and its binding",
  },
  TW_NO_AGENT: { exitStatus: 1, what: "no agent answers there", advice: "start it, or name its socket with --socket" },
  TW_STATE_DIR: { exitStatus: 1, what: "the state directory cannot be used", advice: "check --state-dir and the disk" },
  TW_TRACK_LIMIT: {
    exitStatus: 1,
    what: "too many paths are tracked",
    advice: "untrack what is no longer needed, or track directories",
  },
  TW_SERVICE: {
    exitStatus: 1,
    what: "the service cannot be installed",
    advice: "see `systemctl status`; --print shows the unit, to be installed by hand",
  },
  TW_LISTEN_FAILED: { exitStatus: 1, what: "cannot listen", advice: "choose another --listen address" },
  TW_SOCKET_FAILED: { exitStatus: 1, what: "cannot listen there for commands", advice: "name another --socket" },
  TW_TLS_FILES: {
    exitStatus: 2,
    what: "the TLS certificate or key cannot be used",
    advice: "give a PEM certificate and its key",
  },
  TW_DATA_DIR: {
    exitStatus: 1,
    what: "the data directory cannot be used",
    advice: "check --data-dir and its permissions",
  },
  TW_DATA_DIR_IN_USE: {
    exitStatus: 1,
    what: "another relay serves this directory",
    advice: "stop it first, or give each relay a --data-dir of its own",
  },
  TW_NO_RELAY_DATA: {
    exitStatus: 2,
    what: "no relay's data",
    advice: "name the directory of `relay serve`, or an empty one",
  },
  TW_TWO_STORES: {
    exitStatus: 2,
    what: "a relay keeps its state in one place",
    advice: "give --data-dir, or --nats, and not both",
  },
  TW_NATS_URL: {
    exitStatus: 2,
    what: "not a NATS server's URL",
    advice: "give nats://HOST:PORT or tls://HOST:PORT; secrets go into files, for --nats-creds or --nats-nkey",
  },
  TW_NATS_SECRET: {
    exitStatus: 2,
    what: "there are no NATS credentials in the file",
    advice: "give --nats-creds what `nsc` wrote, or --nats-nkey a user's seed",
  },
  TW_NATS_UNREACHABLE: {
    exitStatus: 1,
    what: "NATS does not answer",
    advice: "check --nats, its credentials, and that most of its servers run",
  },
  TW_NATS_TOO_OLD: { exitStatus: 2, what: "this NATS server is too old", advice: "relays need 2.12 or newer" },
  TW_NO_CLUSTER: {
    exitStatus: 2,
    what: "what relays share is not there as this version needs it",
    advice: "run `relay cluster init`",
  },
  TW_CLUSTER_INIT: {
    exitStatus: 1,
    what: "NATS does not make what relays share",
    advice: "check JetStream, the user's permissions and --replicas",
  },
  TW_RECORD_TOO_LARGE: {
    exitStatus: 1,
    what: "more than NATS takes in one message",
    advice: "set max_payload of its servers to 8MB, or make it smaller",
  },
  TW_NO_SUCH_TOKEN: { exitStatus: 2, what: "there is no such token", advice: "`relay token list` names them" },
  TW_NO_SUCH_CHAT: { exitStatus: 2, what: "there is no such chat", advice: "`relay chat list` names them" },
  TW_OUT_FILE: {
    exitStatus: 1,
    what: "the token cannot be written there",
    advice: "name a file that does not exist, in a directory that does",
  },
  TW_EXPORT_FILE: {
    exitStatus: 1,
    what: "the export cannot be written there",
    advice: "name a file that does not exist, in a directory that has room for it",
  },
  TW_BAD_EXPORT: {
    exitStatus: 2,
    what: "not an export of a relay, or not all of one",
    advice: "give the whole of what `relay export` wrote",
  },
  TW_STORE_NOT_EMPTY: {
    exitStatus: 2,
    what: "there are tokens, chats or files already",
    advice: "import into an empty store, or say --force: what is there stays as it is",
  },
  TW_OUTPUT: {
    exitStatus: 1,
    what: "what is printed cannot be written",
    advice: "make room there, or send it elsewhere",
  },
  TW_NO_DIRECTORY: {
    exitStatus: 1,
    what: "it is gone, or may not be entered",
    advice: "change to a directory that is there",
  },
  TW_NO_WATCHER: {
    exitStatus: 2,
    what: "this watcher cannot be had here",
    advice: "name another one with --watcher; for parcel, install with optional dependencies",
  },
  TW_OPEN_FILES: {
    exitStatus: 1,
    what: "the limit is too low",
    advice: "raise `ulimit -n`, or LimitNOFILE= of the service",
  },
  TW_INTERNAL: {
    exitStatus: 70,
    what: "an error that nobody foresaw",
    advice: "its stack is in the log; please report it",
  },
} as const;

export type ErrorCode = keyof typeof REGISTRY;

/** The codes in the order of the registry; `docs/errors.md` is tested against them. */
export const ERROR_CODES = Object.keys(REGISTRY) as readonly ErrorCode[];

/** What the registry says of one code. @returns exit status (0 to 255), what happened, and what to do, as text. */
export function describeError(code: ErrorCode): { exitStatus: number; what: string; advice: string } {
  return REGISTRY[code];
}

/**
 * An error for people: `subject: what (detail); advice`, on one line, with a stable `code`. Credentials in URLs are left
 * out of it.
 */
export class TreewireError extends Error {
  readonly code: ErrorCode;
  /** The status with which a program that can't go on leaves, 0 to 255. */
  readonly exitStatus: number;
  readonly subject: string;

  /**
   * @param code one of the registry
   * @param subject the path, URL or option concerned; never a secret
   * @param options `detail` goes in brackets behind the registered words; `cause` is the error below
   */
  constructor(code: ErrorCode, subject: string, options: { detail?: string; cause?: unknown } = {}) {
    const { what, advice, exitStatus } = REGISTRY[code];
    const detail = options.detail === undefined ? "" : ` (${options.detail})`;
    super(oneLine(`${subject}: ${what}${detail}; ${advice}`), { cause: options.cause });
    this.name = "TreewireError";
    this.code = code;
    this.exitStatus = exitStatus;
    this.subject = withoutCredentials(subject);
  }
}

/** The message of whatever was thrown, on one line, without the credentials of URLs in it. Never throws. */
export function messageOf(thrown: unknown): string {
  return oneLine(thrown instanceof Error ? thrown.message : String(thrown));
}

/** The `code` of a Node system error (`"ENOENT"`), or `undefined` when there is none. */
export function systemCode(thrown: unknown): string | undefined {
  if (typeof thrown !== "object" || thrown === null || !("code" in thrown)) return undefined;
  return typeof thrown.code === "string" ? thrown.code : undefined;
}

/**
 * Codes by which the system says that there is nothing at a path. Nothing can be behind a name or a path that is longer
 * than the system takes, nor behind links that lead to each other; nor, as Node says, behind a path with a NUL in it.
 */
const ABSENT: ReadonlySet<string> = new Set(["ENOENT", "ENOTDIR", "ENAMETOOLONG", "ELOOP", "ERR_INVALID_ARG_VALUE"]);

/** Whether a system error says that there is nothing at the path. */
export function isAbsent(thrown: unknown): boolean {
  return ABSENT.has(systemCode(thrown) ?? "");
}

/** Whether the operating system refused something: Node gives such errors its number (`errno`), and no others. */
export function isSystemError(thrown: unknown): boolean {
  return thrown instanceof Error && "errno" in thrown;
}

function oneLine(text: string): string {
  return withoutCredentials(text.replace(/\s*[\r\n]+\s*/g, " ").trim());
}
