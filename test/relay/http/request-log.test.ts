import { randomUUID } from "node:crypto";
import { request } from "node:http";
import t, { type Test } from "tap";
import { createLogger } from "../../../src/util/index.js";
import { until } from "../../support/until.js";
import { MODES, type Mode, TestRelay } from "../support/relay.js";

const DEBUG = 20;

/** A relay with a log of everything. */
async function logging(t: Test, mode: Mode) {
  const lines: { level: number; msg: string }[] = [];
  const log = createLogger("relay", "debug", { write: (line) => void lines.push(JSON.parse(line)) });
  const relay = await TestRelay.start(t, { mode, log });
  return { relay, lines };
}

/** Begins an upload and goes away amid it. */
async function abortUpload(relay: TestRelay): Promise<void> {
  const headers = { "coder-session-token": relay.clientToken, "content-type": "image/png", "content-length": 10_000 };
  const asked = request(`${relay.url}/chats/files?organization=${randomUUID()}`, { method: "POST", headers });
  const gone = new Promise((resolve) => asked.on("close", resolve));
  asked.on("error", () => {});
  await new Promise((sent) => asked.write(Buffer.alloc(1_000), sent));
  asked.destroy();
  await gone;
}

for (const mode of MODES) {
  t.test(`${mode}: ordinary requests, and uploads that end amid their body, are nothing above debug`, async (t) => {
    const { relay, lines } = await logging(t, mode);
    await (await fetch(`${relay.url}/nowhere`)).text();
    for (let count = 0; count < 5; count += 1) await abortUpload(relay);
    const about = (text: string) => lines.filter(({ msg }) => msg === text);
    await until("every request has come", () => about("incoming request").length === 6, { seen: () => lines });
    await until("one was answered", () => about("request completed").length >= 1, { seen: () => lines });
    await relay.stop();
    const loud = lines.filter(({ level, msg }) => level > DEBUG && !msg.startsWith("Server listening"));
    t.same(loud, []);
  });
}
