// Exports and imports: all that a store keeps for good comes to another one, of whatever kind, and back.
import { randomBytes, randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import t from "tap";
import type { Store } from "../../../src/relay/store/index.js";
import { exportStore, importStore } from "../../../src/relay/transfer/index.js";
import fc from "../../support/fast-check.js";
import type { Cleanup } from "../../support/temp.js";
import { KINDS } from "../store/kinds.js";

const HOUR_MS = 3_600_000;
const idOf = (token: string) => token.split("_")[1] ?? "";

/** What is done to a store: small numbers stand for what was made before. */
const step = fc.oneof(
  fc.record({ kind: fc.constant("agent" as const), at: fc.nat(3), autoBind: fc.boolean() }),
  fc.record({ kind: fc.constant("client" as const), at: fc.nat(3), admin: fc.boolean(), expires: fc.boolean() }),
  fc.record({ kind: fc.constant("session" as const), at: fc.nat(5) }),
  fc.record({ kind: fc.constant("revoke" as const), at: fc.nat(5) }),
  fc.record({ kind: fc.constant("invite" as const), at: fc.nat(3), uses: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ kind: fc.constant("bind" as const), at: fc.nat(5), above: fc.nat(8), text: fc.string({ maxLength: 5 }) }),
  fc.record({ kind: fc.constant("unbind" as const), at: fc.nat(5) }),
  fc.record({ kind: fc.constant("describe" as const), at: fc.nat(5), title: fc.string(), archived: fc.boolean() }),
  fc.record({ kind: fc.constant("file" as const), at: fc.nat(2), bytes: fc.constantFrom(0, 1, 70_000, 1_100_000) }),
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

async function fill(store: Store, steps: readonly Step[]): Promise<{ tokens: string[]; invites: string[] }> {
  const workspaces = Array.from({ length: 4 }, () => randomUUID());
  const chats = Array.from({ length: 6 }, () => randomUUID());
  const made = { tokens: [] as string[], invites: [] as string[] };
  const expiresAt = new Date(Date.now() + HOUR_MS);
  for (const each of steps) {
    const workspace = workspaces[each.at % 4] ?? "";
    const chat = chats[each.at] ?? "";
    const token = made.tokens[each.at];
    if (each.kind === "agent") {
      const autoBind = each.autoBind ? { autoBind: "alice" } : {};
      made.tokens.push(await store.tokens.create({ kind: "agent", workspace, ...autoBind }));
    } else if (each.kind === "client") {
      const expiry = each.expires ? { expiresAt } : {};
      made.tokens.push(
        await store.tokens.create({ kind: "client", user: `user ${each.at}`, admin: each.admin, ...expiry }),
      );
    } else if (each.kind === "session" && token !== undefined) {
      const parent = idOf(token);
      made.tokens.push(await store.tokens.create({ kind: "client", user: "alice", isSession: true, parent, chat }));
    } else if (each.kind === "revoke" && token !== undefined) await store.tokens.revoke(idOf(token));
    else if (each.kind === "invite") {
      const wanted = { workspace, chat, owner: "alice", relay: "https://r", uses: each.uses, expiresAt };
      made.invites.push(Object.values(await store.invites.create(wanted)).join(" "));
    } else if (each.kind === "bind") {
      const parent = chats[each.above] === undefined ? {} : { parent: chats[each.above] ?? "" };
      const binding = { chat, workspace, owner: `owner ${each.text}`, paths: [`/${each.text}`], base: each.text };
      await store.chats.bind({ ...binding, ...parent }).catch(() => undefined); // its parent is not there, or below it
    } else if (each.kind === "unbind") await store.chats.unbind(chat);
    else if (each.kind === "describe") {
      const { title, archived } = each;
      await store.chats.update(chat, { title, labels: { [title]: "x" } }).catch(() => undefined);
      await store.chats.update(chat, { archived }).catch(() => undefined);
    } else if (each.kind === "file") {
      const blob = await store.files.stage(Readable.from([randomBytes(each.bytes)]), 2_000_000);
      const entry = { organization: "o", owner: `owner ${each.at}`, name: "ü.png", type: "image/png" };
      await store.files.add(blob, { ...entry, size: blob.size, digest: blob.digest });
      await blob.discard();
    }
  }
  return made;
}

/** All that a store keeps for good. */
async function contentOf(store: Store) {
  const content = { tokens: [] as object[], invites: [] as object[], chats: [] as object[], files: [] as object[] };
  for await (const item of store.transfer.read()) {
    if (item.kind === "token")
      content.tokens.push({ ...item.token, hash: Buffer.from(item.token.hash), order: undefined });
    else if (item.kind === "invite") content.invites.push(item.invite);
    else if (item.kind === "chat") content.chats.push(item.chat);
    else {
      const parts: Uint8Array[] = [];
      for await (const part of item.bytes) parts.push(part);
      content.files.push({ ...item.file, bytes: Buffer.concat(parts).toString("base64") });
    }
  }
  const byText = (list: object[]) => list.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  return { ...content, invites: byText(content.invites), files: byText(content.files) };
}

async function exported(store: Store): Promise<string[]> {
  const lines: string[] = [];
  await exportStore(store, (line) => void lines.push(line));
  return lines;
}

const imported = (store: Store, lines: readonly string[], options: { force?: boolean } = {}) =>
  importStore(store, Readable.from(lines.map((line) => Buffer.from(line))), { name: "it", ...options });
const codeOf = (thrown: unknown): unknown => Object(thrown).code;

async function opened(t: Cleanup, kind: keyof typeof KINDS): Promise<Store> {
  const store = await KINDS[kind]?.make(t)();
  if (store === undefined) throw new Error("a kind of store");
  t.teardown(() => store.close());
  return store;
}

const ways = [
  ["SqliteStore", "SqliteStore"],
  ["SqliteStore", "NatsStore"],
  ["SqliteStore", "NatsStore", "SqliteStore"],
] as const;
for (const way of ways) {
  const skip = way.map((kind) => KINDS[kind]?.skip ?? false).find(Boolean) ?? false;
  t.test(`whatever is in a store comes to another: ${way.join(" → ")}`, { skip }, async (t) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const first = await opened(t, way[0]);
        const { tokens, invites } = await fill(first, steps);
        const content = await contentOf(first);
        let last = first;
        for (const kind of way.slice(1)) {
          const next = await opened(t, kind);
          await imported(next, await exported(last));
          last = next;
          t.same(await contentOf(last), content);
        }
        for (const token of tokens) t.same(await last.tokens.verify(token), await first.tokens.verify(token));
        for (const secrets of invites) {
          const [agent = "", view = ""] = secrets.split(" ");
          t.ok(await last.invites.join(agent));
          t.ok(await last.invites.view(view, new Date(Date.now() + HOUR_MS)));
        }
        for (const owner of ["owner 0", "owner 1", "owner 2"]) {
          t.equal(await last.files.usedBy("owner", owner), await first.files.usedBy("owner", owner));
        }
        for (const { id, parent, archived } of await first.chats.list()) {
          if (parent !== undefined) continue;
          for (const store of [first, last]) await store.chats.update(id, { archived: !archived });
        }
        const archived = async (store: Store) => (await store.chats.list()).map((chat) => [chat.id, chat.archived]);
        t.same(await archived(last), await archived(first), "those below follow as before");
      }),
      { numRuns: Number(process.env.RUNS ?? 8) },
    );
  });
}

const ALL: Step[] = [
  { kind: "agent", at: 0, autoBind: false },
  { kind: "client", at: 0, admin: true, expires: false },
  { kind: "session", at: 1 },
  { kind: "invite", at: 0, uses: 2 },
  { kind: "bind", at: 0, above: 8, text: "a" },
  { kind: "bind", at: 1, above: 0, text: "b" },
  { kind: "file", at: 0, bytes: 70_000 },
  { kind: "file", at: 1, bytes: 0 },
];

for (const [kind, { skip }] of Object.entries(KINDS)) {
  t.test(
    `${kind}: an export that is not whole is refused, wherever it was cut, and goes on when it is`,
    { skip },
    async (t) => {
      const first = await opened(t, "SqliteStore");
      await fill(first, ALL);
      const lines = await exported(first);
      const content = await contentOf(first);
      for (const at of lines.keys()) {
        const store = await opened(t, "SqliteStore");
        t.equal(await imported(store, lines.toSpliced(at, 1)).catch(codeOf), "TW_BAD_EXPORT", `without line ${at + 1}`);
      }
      const store = await opened(t, kind);
      const altered = lines.map((line) =>
        line.includes('"bytes"')
          ? line.replace(/"bytes":"(.)/, (_, first) => `"bytes":"${first === "/" ? "A" : "/"}`)
          : line,
      );
      t.equal(await imported(store, altered).catch(codeOf), "TW_BAD_EXPORT", "with other bytes");
      t.equal(await imported(store, lines).catch(codeOf), "TW_STORE_NOT_EMPTY");
      await imported(store, lines, { force: true });
      t.same(await contentOf(store), content);
      await imported(store, lines, { force: true });
      t.same(await contentOf(store), content, "what is there stays as it is");
      t.equal(await imported(store, ["x".repeat(9_000_000)], { force: true }).catch(codeOf), "TW_BAD_EXPORT");
    },
  );
}

/** A chat's line. */
const chatLine = (id: string, more: { parent?: string; paths?: string[]; has_children?: boolean } = {}): string => {
  const at = new Date().toISOString();
  const rest = { base: "", title: "", labels: {}, archived: false, created_at: at, updated_at: at };
  return `${JSON.stringify({ chat: { id, paths: [], has_children: false, ...rest, ...more } })}\n`;
};
/** An export of chats alone. */
const chatsExport = (lines: readonly string[]): string[] => [
  `${JSON.stringify({ treewire_export: 1, exported_at: new Date().toISOString() })}\n`,
  ...lines,
  `${JSON.stringify({ end: { tokens: 0, invites: 0, chats: lines.length, files: 0 } })}\n`,
];
const ids = (count: number) => Array.from({ length: count }, () => randomUUID());

for (const [kind, { skip }] of Object.entries(KINDS)) {
  t.test(`${kind}: an import makes no circle of chats`, { skip }, async (t) => {
    const store = await opened(t, kind);
    const [first = "", second = "", third = "", fourth = ""] = ids(4);
    const own = await imported(store, chatsExport([chatLine(first), chatLine(second, { parent: second })])).catch(
      (thrown: unknown) => thrown,
    );
    t.equal(codeOf(own), "TW_BAD_EXPORT");
    t.match(Object(own).message, /line 3/);
    const lines = [
      chatLine(first, { parent: second }),
      chatLine(second, { parent: third }),
      chatLine(third, { parent: first }),
    ];
    await imported(store, chatsExport(lines), { force: true });
    const expected = new Map([
      [first, second],
      [second, third],
      [third, undefined],
    ]);
    t.same(new Map((await store.chats.list()).map(({ id, parent }) => [id, parent])), expected);
    await store.chats.bind({ chat: fourth, workspace: randomUUID(), parent: first });
    await t.rejects(store.chats.bind({ chat: third, workspace: randomUUID(), parent: fourth }), {
      code: "TW_BAD_USAGE",
    });
  });
}

for (const [kind, { skip }] of Object.entries(KINDS)) {
  t.test(
    `${kind}: archiving an imported chat reaches those below it that its line does not tell of`,
    { skip },
    async (t) => {
      const store = await opened(t, kind);
      const [root = "", other = "", first = "", second = "", last = ""] = ids(5);
      const below = (id: string, parent: string) => chatLine(id, { parent });
      const archived = async () => (await store.chats.list()).filter((chat) => chat.archived).map(({ id }) => id);
      await imported(store, chatsExport([chatLine(root), below(first, root), below(last, other)]));
      await imported(store, chatsExport([chatLine(other), below(second, root)]), { force: true });
      await store.chats.update(root, { archived: true });
      t.same(new Set(await archived()), new Set([root, first, second]));
      if (kind === "SqliteStore") return; // there it lost its parent, which was not there when the import ended
      await store.chats.update(other, { archived: true });
      t.ok((await archived()).includes(last));
    },
  );
}

t.test("no more than 8 MiB of records are written at once", async (t) => {
  const store = await opened(t, "SqliteStore");
  const sizes: number[] = [];
  const { transfer } = store;
  const write: typeof transfer.write = async (records) => {
    sizes.push(JSON.stringify(records).length);
    await transfer.write(records);
  };
  const counting = new Proxy(transfer, {
    get: (target, name) => (name === "write" ? write : Reflect.get(target, name).bind(target)),
  });
  const lines = ids(6).map((id) => chatLine(id, { paths: ["/".repeat(3_000_000)] }));
  await importStore({ transfer: counting }, Readable.from(chatsExport(lines).map((line) => Buffer.from(line))), {
    name: "it",
  });
  t.equal((await store.chats.list()).length, lines.length);
  t.ok(Math.max(...sizes) <= 8 * 1024 * 1024, sizes.join(" "));
});

t.test(
  "NATS takes no record above its max_payload, and the import says which that is",
  {
    skip: KINDS.NatsStore?.skip ?? false,
  },
  async (t) => {
    const store = await opened(t, "NatsStore");
    const [small = "", large = ""] = ids(2);
    const lines = [
      chatLine(small, { paths: ["/".repeat(1_000_000)] }),
      chatLine(large, { paths: ["/".repeat(2_000_000)] }),
    ];
    const thrown = await imported(store, chatsExport(lines)).catch((thrown: unknown) => thrown);
    t.equal(codeOf(thrown), "TW_RECORD_TOO_LARGE");
    t.match(Object(thrown).message, new RegExp(`^chat ${large}: .* 2000\\d{3} bytes, and max_payload is 1048576`));
    await imported(store, chatsExport(lines.slice(0, 1)));
    t.equal((await store.chats.list()).length, 1);
  },
);

t.test("an export has hashes, and no secret", async (t) => {
  const store = await opened(t, "SqliteStore");
  const { tokens, invites } = await fill(store, ALL);
  const text = (await exported(store)).join("");
  for (const secret of [...tokens.map((token) => token.slice(21)), ...invites.flatMap((each) => each.split(" "))]) {
    t.notOk(text.includes(secret));
  }
});
