import { randomUUID } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { makeCertificates, tlsFront, withoutOpenssl } from "../support/certificates.js";
import { runProgram, startProgram } from "../support/program.js";
import { Stack } from "../support/stack.js";
import { tempDir } from "../support/temp.js";
import { until } from "../support/until.js";

const stack = await Stack.start(t);

/** An agent that waits for a file, and what it logs. */
async function waiting(t: Test, url: string, files: Record<string, string>, awaited: string) {
  const dir = tempDir(t);
  const socket = join(dir, "socket");
  const options = Object.entries(files).flatMap(([name, path]) => [`--${name}`, path]);
  const places = ["--root", dir, "--state-dir", join(dir, "state"), "--socket", socket];
  const agent = startProgram(t, "agent", ["--relay", url, "--log-level", "debug", ...options, ...places]);
  const words = new RegExp(`${awaited}: not there yet \\((ENOENT|it is empty)\\); it is waited for`);
  await until("it is tried again", () => agent.stderr.split("TW_FILE_AWAITED").length > 3, {
    seen: () => agent.stderr,
  });
  const whole = agent.stderr.split("\n").slice(0, -1);
  const lines = whole.filter((line) => line.includes("TW_FILE_AWAITED"));
  const WARN = 40;
  const told = lines.filter((line) => JSON.parse(line).level >= WARN);
  t.equal(told.length, 1, "it is said once in the log");
  t.match(told[0], words);
  const { stdout } = await runProgram(t, "agent", ["status", "--socket", socket]);
  t.match(stdout, words, "and in the status");
  const connected = () =>
    until("it is connected", () => agent.stderr.includes('"connected"'), { seen: () => agent.stderr.slice(-2_000) });
  return { agent, connected };
}

t.test("a token file that is not there yet is waited for", async (t) => {
  const dir = join(tempDir(t), "not yet mounted");
  const path = join(dir, "token");
  const { agent, connected } = await waiting(t, stack.homeUrl, { "token-file": path }, path);
  mkdirSync(dir);
  copyFileSync(await stack.agentToken(randomUUID()), path);
  await connected();
  t.same(await agent.stop(), { status: 0, signal: null });
});

t.test("a token file that is empty is about to be written, and waited for", async (t) => {
  const path = join(tempDir(t), "token");
  writeFileSync(path, "");
  const { connected } = await waiting(t, stack.homeUrl, { "token-file": path }, path);
  writeFileSync(path, readFileSync(await stack.agentToken(randomUUID())));
  await connected();
});

t.test("certificates that are not there yet are waited for", { skip: withoutOpenssl }, async (t) => {
  const certificates = makeCertificates(t);
  const front = await tlsFront(t, Number(new URL(stack.homeUrl).port), certificates, { requestCert: true });
  const dir = tempDir(t);
  const token = await stack.agentToken(randomUUID());
  const [ca, cert, key] = ["ca.pem", "cert.pem", "key.pem"].map((name) => join(dir, name)) as [string, string, string];
  const files = { "token-file": token, "ca-file": ca, "cert-file": cert, "key-file": key };
  const { agent, connected } = await waiting(t, `https://127.0.0.1:${front}`, files, ca);
  copyFileSync(certificates.ca, ca);
  await until("the next is missed", () => agent.stderr.includes(`${cert}: not there yet (ENOENT)`));
  copyFileSync(certificates.client.cert, cert);
  writeFileSync(key, "");
  await until("the last is missed", () => agent.stderr.includes(`${key}: not there yet (it is empty)`));
  copyFileSync(certificates.client.key, key);
  await connected();
});

t.test("what needs no token does not wait for it", async (t) => {
  const env = { TREEWIRE_TOKEN_FILE: join(tempDir(t), "none") };
  t.match(await runProgram(t, "agent", ["--once", tempDir(t)], { env }), { status: 2, stderr: /not a git repository/ });
  const track = ["track", "--chat", randomUUID(), "--socket", join(tempDir(t), "none"), "/x"];
  t.match(await runProgram(t, "agent", track, { env }), { status: 1, stderr: /no agent answers there/ });
});
