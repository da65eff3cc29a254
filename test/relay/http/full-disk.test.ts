import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { createToken } from "../../../src/relay/index.js";
import { Program, programPath } from "../../support/program.js";
import { tempDir } from "../../support/temp.js";

const PNG = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
/** Blocks of 512 bytes, as `sh` counts them: 4 MiB. */
const LARGEST_FILE_BLOCKS = 8_192;

t.test("a disk that takes no more amid an upload: 507, nothing stays behind, and the relay goes on", async (t) => {
  const dataDir = tempDir(t);
  // no file may grow larger: the system refuses the write that would, as it does on a full disk
  const command = `ulimit -f ${LARGEST_FILE_BLOCKS}; exec "$@"`;
  const args = [programPath("relay"), "serve", "--data-dir", dataDir, "--listen", "127.0.0.1:0"];
  const child = spawn("sh", ["-c", command, "sh", process.execPath, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const serve = new Program("relay serve", child);
  t.teardown(async () => {
    if (child.exitCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  });
  const { url } = JSON.parse(await serve.line("the listening line", () => true));
  const token = await createToken(dataDir, { kind: "client", user: "alice" });
  const upload = (bytes: number) =>
    fetch(`${url}/chats/files?organization=${randomUUID()}`, {
      method: "POST",
      headers: { "coder-session-token": token, "content-type": "image/png" },
      body: new Uint8Array(Buffer.concat([PNG, Buffer.alloc(bytes)])),
    });
  const stored = () => {
    const directory = join(dataDir, "files");
    if (!existsSync(directory)) return [];
    return readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  };
  for (let count = 0; count < 10; count += 1) {
    const full = await upload(5 * 1024 * 1024);
    t.same([full.status, await full.json()], [507, { message: "Insufficient storage." }]);
    t.equal(stored().length, 0);
  }
  t.equal((await upload(1024)).status, 201);
  t.equal((await serve.stop()).status, 0);
  t.match(serve.stderr, /"no room for an upload"/);
});
