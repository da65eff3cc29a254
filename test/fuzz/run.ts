// `npm run fuzz`: the built relay's HTTP interface against its own description, by schemathesis, which draws requests from the
// schemas (right ones and wrong ones) and holds each answer to them. Ends with 1 when it finds anything. Python 3 has to be
// there; schemathesis is installed into .cache/ the first time. EXAMPLES sets how many requests are drawn for each route, SEED
// which ones.
import { execFileSync, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { bindChat, createToken, startRelay } from "../../src/relay/index.js";
import { createLogger } from "../../src/util/index.js";

const VERSION = "4.32.5";
const EXAMPLES = process.env.EXAMPLES ?? "60";
const FUZZ_SEED = process.env.SEED ?? "1";

const cache = fileURLToPath(new URL(`../../../.cache/schemathesis-${VERSION}/`, import.meta.url));
const program = join(cache, "bin/schemathesis");

function install(): void {
  if (existsSync(program)) return;
  execFileSync("python3", ["-m", "venv", cache], { stdio: "inherit" });
  const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", `schemathesis==${VERSION}`];
  execFileSync(join(cache, "bin/python"), pip, { stdio: "inherit" });
}

/** Requests are many and come from one address. */
const limits = { requestsPerAddress: 1e9, requestsPerToken: 1e9, failuresPerAddress: 1e9, uploadsPerToken: 1e9 };

const PNG = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");

/** What schemathesis cannot know, in its own terms: which ids there are, and that what is too large has its own answers. */
function configuration(ids: Record<string, string>): string {
  const parameters = Object.entries(ids).map(([name, value]) => `"path.${name}" = ${JSON.stringify(value)}\n`);
  return `[parameters]
${parameters.join("")}
[checks]
negative_data_rejection.expected-statuses = [400, 401, 403, 404, 405, 413, 415, 431]
`;
}

/**
 * Checks whose rules are others than the relay's. What the schema allows may be refused with 400 for what is so at the
 * time: a chat that is archived already, or has no agent. And a token that does not count, beside one that does and comes
 * before it, is never looked at.
 */
const EXCLUDED = ["positive_data_acceptance", "ignored_auth"];

interface Pass {
  name: string;
  /** Path parameters that name what is there; without them ids are drawn, and name nothing. */
  ids: Record<string, string>;
  token: string;
  only?: string[];
}

const dataDir = mkdtempSync(join(tmpdir(), "treewire-fuzz-"));
const faults: string[] = [];
const log = createLogger("relay", "error", { write: (line) => void faults.push(line) });
const relay = await startRelay({ dataDir, port: 0, log, limits });
let failed = 0;
try {
  install();
  const admin = () => createToken(dataDir, { kind: "client", user: "root", admin: true });
  const alice = await createToken(dataDir, { kind: "client", user: "alice" });
  const workspace = randomUUID();
  await createToken(dataDir, { kind: "agent", workspace });
  const [chat, child] = [randomUUID(), randomUUID()];
  await bindChat(dataDir, { chat, workspace, owner: "alice" });
  await bindChat(dataDir, { chat: child, workspace, owner: "alice", parent: chat });
  const uploaded = await fetch(`${relay.url}/chats/files?organization=${randomUUID()}`, {
    method: "POST",
    headers: { "coder-session-token": alice, "content-type": "image/png" },
    body: new Uint8Array(PNG),
  });
  const { id: file } = z.object({ id: z.string() }).parse(await uploaded.json());
  const dropToken = ["--exclude-path", "/admin/tokens/{id}"];
  const passes: Pass[] = [
    { name: "an admin, ids that name nothing", ids: {}, token: await admin(), only: dropToken },
    { name: "an admin, a chat and a file that are there", ids: { chat, file }, token: await admin(), only: dropToken },
    { name: "a chat's owner", ids: { chat, file }, token: alice, only: dropToken },
    { name: "a chat below another", ids: { chat: child }, token: alice, only: dropToken },
    { name: "somebody without a token that counts", ids: { chat, file }, token: "nonsense" },
    // whoever revokes tokens may revoke their own
    {
      name: "an admin who revokes tokens",
      ids: {},
      token: await admin(),
      only: ["--include-path", "/admin/tokens/{id}"],
    },
  ];
  for (const pass of passes) {
    process.stdout.write(`\n── ${pass.name} ──\n`);
    if (!(await run(pass))) failed += 1;
  }
  process.stdout.write(`\n${passes.length - failed} of ${passes.length} passes without a finding\n`);
  for (const fault of faults) process.stdout.write(`the relay logged: ${fault}`);
} finally {
  await relay.close();
  rmSync(dataDir, { recursive: true });
}
process.exitCode = failed === 0 && faults.length === 0 ? 0 : 1;

/** @returns whether nothing was found */
async function run({ ids, token, only = [] }: Pass): Promise<boolean> {
  const config = join(dataDir, "schemathesis.toml");
  writeFileSync(config, configuration(ids));
  const args = [
    ...["--config-file", config, "run", `${relay.url}/openapi.json`],
    ...["--header", `Coder-Session-Token: ${token}`, "--mode", "all", "--checks", "all", "--continue-on-failure"],
    ...["--exclude-checks", EXCLUDED.join(",")],
    ...["--max-examples", EXAMPLES, "--seed", FUZZ_SEED, "--warnings", "off", "--no-color", ...only],
  ];
  const [status] = await once(spawn(program, args, { stdio: "inherit", cwd: dataDir }), "close");
  return status === 0;
}
