import { join } from "node:path";
import Database from "libsql";
import t from "tap";
import { SqliteStore } from "../../../../src/relay/store/index.js";
import { MIGRATIONS } from "../../../../src/relay/store/sqlite/database.js";
import { tempDir } from "../../../support/temp.js";

t.test(
  "sessions that links were traded for see the chat of their link alone from now on, and other tokens what they saw",
  async (t) => {
    const dir = tempDir(t);
    const version = MIGRATIONS.findIndex((step) => step.includes("alter table tokens add column chat"));
    const db = new Database(join(dir, "treewire.db"));
    for (const step of MIGRATIONS.slice(0, version)) db.exec(step);
    db.exec(`pragma user_version = ${version}`);
    const chat = db.prepare(
      "insert into chats (id, owner, workspace, created_at, updated_at) values (?, 'me', ?, ?, 0)",
    );
    chat.run("of the link", "w1", 1);
    chat.run("later", "w1", 2);
    chat.run("other", "w2", 1);
    const token = db.prepare(
      `insert into tokens (id, kind, secret_hash, user, workspace, is_session, parent, created_at)
     values (?, 'client', x'00', 'me', ?, ?, ?, ?)`,
    );
    token.run("plain", null, 0, null, 1);
    token.run("signed in", null, 1, "plain", 2);
    token.run("link", "w1", 1, null, 3);
    token.run("traded on", "w1", 1, "link", 4);
    token.run("link without its chat", "w3", 1, null, 5);
    db.close();

    const store = new SqliteStore(dir);
    t.teardown(() => store.close());
    const seen = (await store.tokens.list()).map((entry) => [
      entry.tokenId,
      entry.kind === "client" ? entry.chat : "agent",
    ]);
    t.strictSame(seen, [
      ["plain", undefined],
      ["signed in", undefined],
      ["link", "of the link"],
      ["traded on", "of the link"],
      ["link without its chat", ""],
    ]);
  },
);
