import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import t from "tap";
import { AgentRefusal, askAgent } from "../../../src/agent/control/control-client.js";
import { type Cleanup, tempDir } from "../../support/temp.js";

const STATUS = { type: "status" } as const;

/** An agent that does what the test says with each command. */
async function agent(t: Cleanup, serve: (socket: Socket, asked: string) => void) {
  const path = join(tempDir(t), "agent.sock");
  const asked: string[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => {});
    socket.once("data", (chunk) => {
      asked.push(String(chunk));
      serve(socket, String(chunk));
    });
  }).listen(path);
  await once(server, "listening");
  t.teardown(() => new Promise((resolve) => server.close(resolve)));
  return { path, asked };
}

t.test("a request goes as one line, and the reply may come in pieces", async (t) => {
  const { path, asked } = await agent(t, (socket) => {
    socket.write('{"type":');
    setImmediate(() => socket.end('"done"}\n'));
  });
  t.same(await askAgent(path, STATUS), { type: "done" });
  t.same(asked, ['{"type":"status"}\n']);
});

t.test("a refusal is an error in the agent's own words", async (t) => {
  const { path } = await agent(t, (socket) => {
    socket.end(`${JSON.stringify({ type: "error", code: "TW_TRACK_LIMIT", message: "too many" })}\n`);
  });
  const refused = askAgent(path, STATUS);
  await t.rejects(refused, { message: "too many" });
  t.ok((await refused.catch((error: unknown) => error)) instanceof AgentRefusal);
});

t.test("an agent that ends while it is asked, or answers half, is asked again when it is back", async (t) => {
  let times = 0;
  const { path, asked } = await agent(t, (socket) => {
    times += 1;
    if (times === 1) socket.destroy();
    else if (times === 2) socket.end('{"type":"do');
    else socket.end('{"type":"done"}\n');
  });
  t.same(await askAgent(path, STATUS), { type: "done" });
  t.equal(asked.length, 3);
});

t.test("where no agent has ever run there is none, and no wait", async (t) => {
  const path = join(tempDir(t), "never", "agent.sock");
  await t.rejects(askAgent(path, STATUS), { code: "TW_NO_AGENT", message: /never\/agent\.sock: .*ENOENT/ });
});
