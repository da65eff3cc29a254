import { once } from "node:events";
import t from "tap";
import { liveBytes } from "../../support/live-bytes.js";
import { until } from "../../support/until.js";
import { RawConnection } from "../support/raw.js";
import { TestRelay } from "../support/relay.js";

const MIB = 1024 * 1024;
const BYTES = 128 * MIB;
const MOST_LEFT = 6 * MIB;
const PNG = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");

/** Without a limit on how fast bodies are read. */
const UNLIMITED = { clientBytesPerSecond: 1e12, requestTimeoutMs: 300_000 };

/** A request with a body of so many bytes, which begins like an image. Resolves when the relay has taken all of it. */
async function send(connection: RawConnection, head: string, bytes: number): Promise<void> {
  const { socket } = connection;
  socket.write(`${head}\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: ${bytes}\r\n\r\n`);
  const chunk = Buffer.concat([PNG, Buffer.alloc(64 * 1024 - PNG.length)]);
  for (let left = bytes; left > 0; left -= chunk.length) {
    if (!socket.write(left < chunk.length ? chunk.subarray(0, left) : chunk)) await once(socket, "drain");
  }
}

/**
 * What of the buffers that the relay reads into is left to the collector at most while the job is done, in bytes: V8 marks its
 * whole heap when that is too much.
 */
async function mostLeftDuring(job: () => Promise<void>): Promise<number> {
  await liveBytes();
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  let isOver = false;
  const look = () => {
    most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    if (!isOver) setImmediate(look);
  };
  look();
  await job();
  isOver = true;
  return most;
}

t.test("a body that nobody wants streams by and leaves next to nothing to the collector", async (t) => {
  const relay = await TestRelay.start(t, { limits: UNLIMITED });
  const connection = new RawConnection(t, relay.url);
  const most = await mostLeftDuring(async () => {
    await send(connection, `POST /chats/${relay.chat}/archive HTTP/1.1`, BYTES);
    connection.socket.write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    await until("the next request is answered", () => connection.text.includes("HTTP/1.1 200 "));
  });
  t.equal(connection.status, 401);
  t.ok(most <= MOST_LEFT, `${most / MIB} of ${BYTES / MIB} MiB`);
});

t.test("uploads stream by and leave next to nothing to the collector", async (t) => {
  const relay = await TestRelay.start(t, { limits: UNLIMITED });
  const path = `/chats/files?organization=${relay.workspace}`;
  const head = `POST ${path} HTTP/1.1\r\nCoder-Session-Token: ${relay.clientToken}`;
  const connection = new RawConnection(t, relay.url);
  const most = await mostLeftDuring(async () => {
    for (let sent = 0; sent < BYTES; sent += 8 * MIB) {
      await send(connection, head, 8 * MIB);
      await until("it is kept", () => connection.text.split("HTTP/1.1 201 ").length - 1 === sent / (8 * MIB) + 1);
    }
  });
  t.ok(most <= MOST_LEFT, `${most / MIB} of ${BYTES / MIB} MiB`);
});

t.test("a body that nobody wants is not read as fast as it comes", async (t) => {
  const relay = await TestRelay.start(t, { limits: { clientBytesPerSecond: 1024 }, drainMs: 3_600_000 });
  const connection = new RawConnection(t, relay.url);
  const sent = send(connection, `POST /chats/${relay.chat}/archive HTTP/1.1`, 64 * MIB).catch(() => undefined);
  await until("the answer comes before it is through", () => connection.status === 401);
  for (let calls = 0; calls < 200; calls += 1) await (await fetch(`${relay.url}/healthz`)).text();
  t.ok(connection.socket.writableLength > 0, "what is too much waits at the client");
  await relay.stop();
  await connection.closed();
  t.pass("and a relay that stops waits for nobody who has the answer");
  await sent;
});
