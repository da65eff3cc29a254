import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { inflateSync } from "node:zlib";
import Database from "libsql";
import { z } from "zod";
import { DATABASE_FILE } from "../../../src/relay/store/directory.js";
import { Inspector } from "../../support/inspector.js";
import { RecordingProxy } from "../../support/recording-proxy.js";
import { Stack } from "../../support/stack.js";
import { type Cleanup, tempDir } from "../../support/temp.js";
import { until } from "../../support/until.js";
import { WatchClient } from "../../support/watch-client.js";
import type { Planted } from "./planted.js";
import { Runs } from "./runs.js";

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
  const { workspace, agent } = stack.startAgent(t, { args, relay: proxy.url });
  const chat = stack.bind({ workspace, owner: "alice", paths: [repo.root] });
  const client = await WatchClient.watch(t, stack.url, chat, stack.clientToken("alice"));
  const runs = new Runs(marks);
  let looked: string | undefined;
  const allTold = () =>
    until(
      "all marks are told",
      () => {
        const diff = client.repositories.get(repo.root)?.unified_diff;
        if (diff === undefined || diff === looked) return false;
        looked = diff;
        return runs.in(Buffer.from(diff)).size === marks.size;
      },
      { progress: () => client.bytesRead(), seen: () => ({ errors: client.errors, agent: agent.stderr.slice(-500) }) },
    );
  await allTold();
  if (change !== undefined) {
    looked = undefined;
    change();
    client.refresh();
    await until("it was read again", () => client.changes.length > 1, { seen: () => client.errors });
    await allTold();
  }
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
