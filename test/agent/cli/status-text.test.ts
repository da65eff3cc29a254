import picocolors from "picocolors";
import t from "tap";
import { duration, formatStatus } from "../../../src/agent/cli/status-text.js";
import type { AgentStatus } from "../../../src/protocol/index.js";

const NOW = Date.parse("2026-01-02T03:04:05Z");
const ago = (seconds: number) => new Date(NOW - seconds * 1000).toISOString();

const WELL: AgentStatus = {
  version: "1.2.3",
  pid: 42,
  started_at: ago(7200),
  connection: {
    relay: "relay.example",
    state: "connected",
    since: ago(60),
    workspace: "w",
    problem: null,
    next_try_at: null,
  },
  allowed: ["/w", "/srv/x"],
  chats: [{ chat: "c1", watched: true, bound_paths: 2, tracked_paths: 0, roots: ["/w/a"] }],
  trees: [
    {
      root: "/w/a",
      watched: true,
      state: "live",
      health: "",
      changed_files: 1,
      filters_not_run: 0,
      withheld_files: 0,
      masked_files: 0,
      scanned_at: ago(3),
      problem: null,
    },
  ],
  watcher: null,
  watches: { used: 10, limit: 100 },
  memory: { rss_bytes: 100 * 1024 ** 2, heap_bytes: 2.4 * 1024 ** 2 },
  problems: [],
};
const plain = (status: AgentStatus) => formatStatus(status, NOW, picocolors.createColors(false)).split("\n");

t.test("an agent that is well says so in a line for each thing", async (t) => {
  t.same(plain(WELL), [
    "agent 1.2.3, process 42, started 2 h ago",
    "relay relay.example: connected for 60 s",
    "1 chat:",
    "  c1  watched, 2 bound and 0 tracked paths, 1 tree",
    "1 tree:",
    "  /w/a  1 changed file, scanned 3 s ago",
    "2 allowed directories:",
    "  /w",
    "  /srv/x",
    "file watches: 10 of 100",
    "memory: 100 MiB resident, 2 MiB heap",
    "all is well",
    "",
  ]);
});

t.test("what is wrong is said where it is, and at the end", async (t) => {
  const [tree] = WELL.trees;
  if (tree === undefined) throw new Error("there is one");
  const lines = plain({
    ...WELL,
    chats: [],
    trees: [
      { ...tree, health: "polled", changed_files: 2 },
      { ...tree, state: "reading", scanned_at: null },
      { ...tree, state: "gone" },
    ],
    allowed: ["/w"],
    watcher: "poll",
    watches: null,
    problems: ["first", "second"],
  });
  t.same(lines.slice(2), [
    "no chats",
    "3 trees:",
    "  /w/a  2 changed files, scanned 3 s ago, polled",
    "  /w/a  reading, scanned never",
    "  /w/a  gone, scanned 3 s ago",
    "1 allowed directory:",
    "  /w",
    "file watches: unknown here",
    "watcher: poll",
    "memory: 100 MiB resident, 2 MiB heap",
    "problem: first",
    "problem: second",
    "",
  ]);
});

t.test("while it is not connected it says why and until when", async (t) => {
  const { connection } = WELL;
  const of = (changes: Partial<AgentStatus["connection"]>) =>
    plain({ ...WELL, connection: { ...connection, ...changes } })[1];
  t.equal(of({ state: "connecting" }), "relay relay.example: connecting for 60 s");
  t.equal(of({ state: "connecting", problem: "no route" }), "relay relay.example: connecting for 60 s, no route");
  t.equal(of({ state: "waiting", next_try_at: ago(-9) }), "relay relay.example: next try in 9 s");
  t.equal(of({ state: "waiting", next_try_at: ago(5) }), "relay relay.example: next try in 0 s", "not in the past");
});

t.test("names and words of others cannot drive the terminal", async (t) => {
  const [tree] = WELL.trees;
  if (tree === undefined) throw new Error("there is one");
  const hostile = { ...tree, root: "/w/\x1b[2J", health: "\x07" };
  const text = formatStatus({ ...WELL, trees: [hostile], problems: ["\x1b]0;x"] }, NOW, picocolors.createColors(false));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  t.notMatch(text, /[\x00-\x09\x0b-\x1f]/);
  t.match(text, "/w/^[[2J");
});

t.test("ages are in the largest unit that says enough", async (t) => {
  const SECOND = 1000;
  t.same(
    [-5, 0, 119.4, 120, 7199, 7200, 48 * 3600 - 1, 48 * 3600].map((seconds) => duration(seconds * SECOND)),
    ["0 s", "0 s", "119 s", "2 min", "120 min", "2 h", "48 h", "2 d"],
  );
});

t.test("an agent that is well and shows nothing says so", async (t) => {
  t.equal(plain({ ...WELL, chats: [], trees: [] }).at(-2), "all is well; nobody watches a chat of this workspace");
  const unwatched = WELL.chats.map((chat) => ({ ...chat, watched: false }));
  t.equal(plain({ ...WELL, chats: unwatched }).at(-2), "all is well; nobody watches a chat of this workspace");
});
