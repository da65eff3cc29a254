import { randomBytes, randomUUID } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import t from "tap";
import { z } from "zod";
import { createToken } from "../../../src/relay/index.js";
import { until } from "../../support/until.js";
import { MODES, TestRelay } from "../support/relay.js";

const ORGANIZATION = "33333333-3333-4333-8333-333333333333";
const MAX = 10 * 1024 * 1024;
const UNSUPPORTED = {
  message: "Unsupported file type.",
  detail: "Allowed types: image/png, image/jpeg, image/gif, image/webp.",
};
const TOO_LARGE = { message: "File too large.", detail: "Maximum file size is 10485760 bytes." };

/** The least that each type is known by, and some bytes more. */
const IMAGES = {
  "image/png": Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), randomBytes(100)]),
  "image/jpeg": Buffer.concat([Buffer.from("\xff\xd8\xff\xe0", "latin1"), randomBytes(100)]),
  "image/gif": Buffer.concat([Buffer.from("GIF89a"), randomBytes(100)]),
  "image/webp": Buffer.concat([Buffer.from("RIFF\x10\0\0\0WEBPVP8 ", "latin1"), randomBytes(100)]),
};
const PNG = IMAGES["image/png"];

function api(relay: TestRelay) {
  const base = `${relay.url}/api/v2/chats/files`;
  const auth = { "coder-session-token": relay.clientToken };
  return {
    upload: (
      body: RequestInit["body"],
      headers: Record<string, string> = {},
      query = `?organization=${ORGANIZATION}`,
    ) =>
      fetch(base + query, {
        method: "POST",
        body,
        headers: { ...auth, "content-type": "image/png", ...headers },
        duplex: "half",
      } as RequestInit),
    download: (id: string, headers: Record<string, string> = {}, method = "GET") =>
      fetch(`${base}/${id}`, { method, headers: { ...auth, ...headers } }),
  };
}

/** The id that an upload was answered with. */
async function idOf(response: Response): Promise<string> {
  return z.object({ id: z.uuid() }).parse(await response.json()).id;
}

/** Every file below the blob store. */
function stored(relay: TestRelay): string[] {
  const directory = join(relay.dataDir, "files");
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, withFileTypes: true, encoding: "utf8" })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);
}

for (const mode of MODES) {
  t.test(`${mode}: what is uploaded comes back, byte for byte, with the sniffed type and the name`, async (t) => {
    const relay = await TestRelay.start(t, { mode });
    const { upload, download } = api(relay);
    for (const [type, bytes] of Object.entries(IMAGES)) {
      const up = await upload(bytes, { "content-disposition": 'attachment; filename="a b.img"' });
      t.equal(up.status, 201, type);
      const id = await idOf(up);
      const down = await download(id);
      t.equal(down.status, 200);
      t.same(Buffer.from(await down.arrayBuffer()), bytes);
      const headers = Object.fromEntries(down.headers);
      t.match(headers, {
        "content-type": type,
        "content-disposition": 'inline; filename="a b.img"',
        "cache-control": "private, max-age=31536000, immutable",
        "x-content-type-options": "nosniff",
        "content-length": String(bytes.length),
      });
      const head = await download(id, {}, "HEAD");
      t.same([head.status, head.headers.get("content-length"), await head.text()], [200, String(bytes.length), ""]);
      const cached = await download(id, { "if-none-match": `W/"x", ${headers.etag}` });
      t.same([cached.status, await cached.text()], [304, ""]);
      t.equal((await download(id, { "if-none-match": '"other"' })).status, 200);
    }
  });

  t.test(`${mode}: refusals of an upload, word for word, and nothing of it stays behind`, async (t) => {
    const relay = await TestRelay.start(t, { mode });
    const { upload } = api(relay);
    const rows: [what: string, response: Promise<Response>, status: number, body: object][] = [
      ["no organization", upload(PNG, {}, ""), 400, { message: "Missing organization query parameter." }],
      ["a wrong one", upload(PNG, {}, "?organization=x"), 400, { message: "Invalid organization ID." }],
      ["a type declared", upload(PNG, { "content-type": "image/svg+xml" }), 400, UNSUPPORTED],
      ["a type that is another", upload("<svg/>", { "content-type": "image/png" }), 400, UNSUPPORTED],
      ["nothing at all", upload(""), 400, UNSUPPORTED],
      ["too large", upload(Buffer.concat([PNG, Buffer.alloc(MAX)])), 413, TOO_LARGE],
      ["no token", upload(PNG, { "coder-session-token": "" }), 401, { message: /^You are signed out/ }],
    ];
    for (const [what, response, status, body] of rows) {
      const { status: got, headers } = await response;
      t.equal(got, status, what);
      t.match(await (await response).json(), body, what);
      t.match(headers.get("content-type"), /^application\/json/);
    }
    t.same(stored(relay), []);
  });

  t.test(`${mode}: the limit counts bytes that come, not those that were declared`, async (t) => {
    const relay = await TestRelay.start(t, { mode });
    const { upload, download } = api(relay);
    const chunked = (size: number) =>
      new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(PNG);
          for (let left = size - PNG.length; left > 0; left -= 65_536)
            controller.enqueue(new Uint8Array(Math.min(left, 65_536)));
          controller.close();
        },
      });
    const most = await upload(chunked(MAX));
    t.equal(most.status, 201);
    const id = await idOf(most);
    t.equal((await (await download(id)).arrayBuffer()).byteLength, MAX);
    const over = await upload(chunked(MAX + 1));
    t.equal(over.status, 413);
    t.equal(stored(relay).length, 1);
  });

  t.test(`${mode}: an upload that breaks off leaves nothing`, async (t) => {
    const relay = await TestRelay.start(t, { mode });
    const { port, hostname } = new URL(relay.url);
    const socket = connect(Number(port), hostname);
    socket.write(
      `POST /chats/files?organization=${ORGANIZATION} HTTP/1.1\r\nHost: x\r\nCoder-Session-Token: ${relay.clientToken}\r\nContent-Type: image/png\r\nContent-Length: 1000\r\n\r\n`,
    );
    socket.write(PNG);
    await until("the first bytes are on disk", () => stored(relay).length === 1);
    socket.destroy();
    await until("they are gone", () => stored(relay).length === 0);
  });

  t.test(`${mode}: the name is cut at 255 bytes on a character boundary, and may be empty`, async (t) => {
    const relay = await TestRelay.start(t, { mode });
    const { upload, download } = api(relay);
    const nameOf = async (disposition: string | undefined) => {
      const up = await upload(PNG, disposition === undefined ? {} : { "content-disposition": disposition });
      const id = await idOf(up);
      const header = (await download(id)).headers.get("content-disposition") ?? "";
      const [, encoded, plain] =
        /filename\*=UTF-8''(\S+)|filename="?([^"]*)"?/.exec(header.replace(/filename="[^"]*"; (?=filename\*)/, "")) ??
        [];
      return encoded === undefined ? plain : decodeURIComponent(encoded);
    };
    t.equal(await nameOf(undefined), undefined);
    t.equal(await nameOf("attachment"), undefined);
    t.equal(await nameOf("nonsense;;;=="), undefined);
    t.equal(await nameOf('attachment; filename=""'), undefined);
    t.equal(await nameOf(`attachment; filename="${"x".repeat(300)}.png"`), "x".repeat(255));
    t.equal(await nameOf(`attachment; filename*=UTF-8''${encodeURIComponent("é".repeat(200))}`), "é".repeat(127));
    t.equal(
      await nameOf(`attachment; filename="${Buffer.from("zoë.png").toString("latin1")}"`),
      "zoë.png",
      "UTF-8 as it is",
    );
    t.notMatch(await nameOf('attachment; filename="../../etc/passwd"'), "/");
  });

  t.test(`${mode}: a file is for its owner and for admins`, async (t) => {
    const relay = await TestRelay.start(t, { mode });
    const { upload, download } = api(relay);
    const id = await idOf(await upload(PNG));
    const as = async (user: string, admin = false) => ({
      "coder-session-token": await createToken(relay.dataDir, { kind: "client", user, admin }),
    });
    t.equal((await download(id, await as("root", true))).status, 200);
    const notFound = { message: "Resource not found or you do not have access to this resource" };
    for (const [what, response] of [
      ["a stranger", await download(id, await as("mallory"))],
      ["no such file", await download(randomUUID())],
    ] as const) {
      t.same([response.status, await response.json()], [404, notFound], what);
    }
    const invalid = await download("nonsense");
    t.same([invalid.status, await invalid.json()], [400, { message: "Invalid file ID." }]);
    t.equal((await download("..%2f..%2ftreewire.db")).status, 400);
    t.equal((await download(id, { "coder-session-token": "wrong" })).status, 401);
  });

  t.test(`${mode}: the same bytes are kept once, and outlive a restart`, async (t) => {
    const relay = await TestRelay.start(t, { mode });
    const first = await idOf(await api(relay).upload(PNG));
    const second = await idOf(await api(relay).upload(PNG));
    t.not(first, second);
    t.equal(stored(relay).length, 1);
    await relay.stop();
    const again = await TestRelay.start(t, { mode, dataDir: relay.dataDir });
    const response = await fetch(`${again.url}/chats/files/${first}`, {
      headers: { "coder-session-token": relay.clientToken },
    });
    t.same(Buffer.from(await response.arrayBuffer()), PNG);
  });
}
