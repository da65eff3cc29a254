import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { inflateSync } from "node:zlib";
import Database from "libsql";
import { z } from "zod";
import { DATABASE_FILE } from "../../../src/relay/store/sqlite/directory.js";
import { Inspector } from "../../support/inspector.js";
import { RecordingProxy } from "../../support/recording-proxy.js";
import { Stack } from "../../support/stack.js";
import { type Cleanup, tempDir } from "../../support/temp.js";
import { until } from "../../support/until.js";
import { WatchClient } from "../../support/watch-client.js";
import type { Planted } from "./planted.js";
import { Runs } from "./runs.js";

const pageSchema = z.object({ commits: z.array(z.object({ oid: z.string() })), has_more: z.boolean() });
const rowsSchema = z.array(z.object({ state: z.union([z.instanceof(Uint8Array), z.instanceof(ArrayBuffer)]) }));

/** What is left of a session, by where it is: all that has passed between agent and relay, and all that the relay has. */
export type Evidence = Record<"frames" | "heap" | "files" | "states" | "log", Buffer>;

/**
 * An agent streams the tree to a relay, with somebody watching, until all is told. Both are processes of their own.
 *
 * @param change what is done once the tree is shown; the marks have to be told then, too
 */
export async function gather(
  t: Cleanup,
  { repo, marks }: Planted,
  { args, change }: { args: readonly string[]; change?: () => void },
): Promise<Evidence> {
  const stack = await Stack.start(t, {
    env: { NODE_OPTIONS: "--inspect=127.0.0.1:0" },
    args: ["--log-level", "debug"],
  });
  const proxy = await RecordingProxy.open(t, stack.url);
  const { workspace, agent } = await stack.startAgent(t, { args, relay: proxy.url });
  const chat = await stack.bind({ workspace, owner: "alice", paths: [repo.root] });
  const token = await stack.clientToken("alice");
  const base = `${stack.url}/api/v2/chats/${chat}/git`;
  const clients = [
    await WatchClient.watch(t, stack.url, chat, token),
    await WatchClient.open(t, `${base}/watch?compare=base`, { token }),
  ];
  const runs = new Runs(marks);
  const allTold = async () => {
    for (const client of clients) {
      let looked: string | undefined;
      await until(
        "all marks are told",
        () => {
          const diff = client.repositories.get(repo.root)?.unified_diff;
          if (diff === undefined || diff === looked) return false;
          looked = diff;
          return runs.in(Buffer.from(diff)).size === marks.size;
        },
        {
          progress: () => client.bytesRead(),
          seen: () => ({ errors: client.errors, agent: agent.stderr.slice(-500) }),
        },
      );
    }
  };
  await allTold();
  if (change !== undefined) {
    change();
    for (const client of clients) {
      client.refresh("changed");
      // a frame without the name may be of a state amid the change
      const isAnswered = () => client.changes.some(({ answers }) => answers?.includes("changed"));
      await until("it was read again", isAnswered, { progress: () => client.bytesRead(), seen: () => client.errors });
    }
    await allTold();
  }
  await readCommits(base, token, Number(repo.git("rev-list", "--count", "main..HEAD")));
  const snapshot = join(tempDir(t), "relay.heapsnapshot");
  const inspector = await Inspector.attach(t, stack.relay);
  await inspector.writeHeap(snapshot);
  await inspector.detach();
  const heap = readFileSync(snapshot);
  const during = filesOf(stack.dataDir);
  await agent.stop();
  await stack.relay.stop(); // what was not saved yet is saved then
  return {
    frames: Buffer.from(proxy.frames.join("\n")),
    heap,
    files: Buffer.concat([during, filesOf(stack.dataDir)]),
    states: statesOf(stack.dataDir),
    log: Buffer.concat([stack.relay.output, Buffer.from(stack.relay.stderr)]),
  };
}

/**
 * Asks for all commits of the branch, page by page: a comparison names the newest alone.
 *
 * @param base of the chat's routes of git
 */
async function readCommits(base: string, token: string, expected: number): Promise<void> {
  let count = 0;
  let before = "";
  for (let hasMore = true; hasMore; ) {
    const response = await fetch(`${base}/commits?limit=100${before}`, { headers: { "coder-session-token": token } });
    if (!response.ok) throw new Error(`the commits: ${response.status} ${await response.text()}`);
    const page = pageSchema.parse(await response.json());
    count += page.commits.length;
    before = `&before=${page.commits.at(-1)?.oid}`;
    hasMore = page.has_more;
  }
  if (count !== expected) throw new Error(`${count} commits were told of ${expected}`);
}

/** The bytes of all files of a directory: SQLite's database, its log of writes, and what lies beside them. */
function filesOf(directory: string): Buffer {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  return Buffer.concat(
    entries.filter((entry) => entry.isFile()).map((entry) => readFileSync(join(entry.parentPath, entry.name))),
  );
}

/** What the database has packed. */
function statesOf(directory: string): Buffer {
  const db = new Database(join(directory, DATABASE_FILE));
  try {
    const rows = rowsSchema.parse(db.prepare("select state from trees").all());
    return Buffer.concat(rows.map(({ state }) => inflateSync(state)));
  } finally {
    db.close();
  }
}
