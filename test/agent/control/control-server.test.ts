import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, statSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import t from "tap";
import { askAgent } from "../../../src/agent/control/control-client.js";
import { type ControlHandler, ControlServer } from "../../../src/agent/control/control-server.js";
import { controlReplySchema, MAX_CONTROL_REQUEST_BYTES } from "../../../src/protocol/index.js";
import { createLogger, silentLogger, TreewireError } from "../../../src/util/index.js";
import { type Cleanup, tempDir } from "../../support/temp.js";

const CHAT = "10000000-0000-4000-8000-00000000000a";

async function listening(
  t: Cleanup,
  handler: ControlHandler = async () => ({ type: "done" }),
  logger = silentLogger(),
) {
  const path = join(tempDir(t), "run", "agent.sock");
  const server = await ControlServer.listen(path, handler, logger);
  t.teardown(() => server.close());
  return { path, server };
}

/** Sends text as it is. */
async function say(path: string, text: string) {
  const socket = connect(path);
  socket.on("error", () => {}); // it is cut off when it says too much
  socket.write(text);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk);
  return controlReplySchema.parse(JSON.parse(Buffer.concat(chunks).toString()));
}

t.test("a request is answered, and only its user may ask", async (t) => {
  const requests: unknown[] = [];
  const { path } = await listening(t, async (request) => {
    requests.push(request);
    return { type: "done" };
  });
  t.equal(statSync(path).mode & 0o777, 0o600);
  t.equal(statSync(join(path, "..")).mode & 0o777, 0o700);
  const request = { type: "track" as const, chat: CHAT, ancestors: [], paths: ["/w"] };
  t.same(await askAgent(path, request), { type: "done" });
  t.same(requests, [request]);
});

t.test("what is no request is refused in words", async (t) => {
  const { path } = await listening(t);
  for (const text of ["nonsense", "{}", '{"type":"track","chat":"x","ancestors":[],"paths":["/w"]}', "[]"]) {
    t.match(await say(path, `${text}\n`), { type: "error", code: "TW_BAD_USAGE" }, text);
  }
  const relative = { type: "track", chat: CHAT, ancestors: [], paths: ["relative"] };
  t.match(await say(path, `${JSON.stringify(relative)}\n`), { code: "TW_BAD_USAGE" });
  t.match(await say(path, "x".repeat(MAX_CONTROL_REQUEST_BYTES + 1)), { message: /over 8388608 bytes/ });
});

t.test("what the agent refuses is told in its words", async (t) => {
  const { path } = await listening(t, async () => {
    throw new TreewireError("TW_TRACK_LIMIT", CHAT);
  });
  await t.rejects(askAgent(path, { type: "status" }), { message: /too many paths are tracked/ });
});

t.test("what nobody foresaw is an internal error, with its stack in the log", async (t) => {
  const log: { err: { message: string; stack: string }; request: string }[] = [];
  const logger = createLogger("agent", "info", { write: (line) => void log.push(JSON.parse(line)) });
  const { path } = await listening(
    t,
    async () => {
      throw new TypeError("x is not a function");
    },
    logger,
  );
  t.match(await say(path, '{"type":"status"}\n'), {
    type: "error",
    code: "TW_INTERNAL",
    message: "status: an error that nobody foresaw (x is not a function); its stack is in the log; please report it",
  });
  t.match(log, [{ request: "status", err: { message: "x is not a function", stack: /control-server\.test/ } }]);
});

t.test("a socket that was left behind is replaced, one that is answered is not", async (t) => {
  const path = join(tempDir(t), "agent.sock");
  const leave = `require("net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
  spawnSync(process.execPath, ["-e", leave]);
  t.ok(existsSync(path), "it was left behind");
  const server = await ControlServer.listen(path, async () => ({ type: "done" }), silentLogger());
  t.teardown(() => server.close());
  t.same(await askAgent(path, { type: "status" }), { type: "done" });
  await t.rejects(
    ControlServer.listen(path, async () => ({ type: "done" }), silentLogger()),
    { code: "TW_SOCKET_FAILED", message: /another agent listens there/ },
  );
  t.same(await askAgent(path, { type: "status" }), { type: "done" });
});

t.test("without an agent that is told at once", async (t) => {
  const path = join(tempDir(t), "never", "agent.sock");
  await t.rejects(askAgent(path, { type: "status" }), { code: "TW_NO_AGENT", message: /ENOENT/ });
});

t.test("while the agent restarts, a command waits for it", async (t) => {
  const path = join(tempDir(t), "run", "agent.sock");
  mkdirSync(join(path, ".."));
  const answer = askAgent(path, { type: "status" });
  // the first agent dies while it is asked, the second one answers
  const first = createServer((socket) => {
    socket.destroy();
    first.close();
  }).listen(path);
  await once(first, "close");
  const server = await ControlServer.listen(path, async () => ({ type: "done" }), silentLogger());
  t.teardown(() => server.close());
  t.same(await answer, { type: "done" });
});
