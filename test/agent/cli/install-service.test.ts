import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { installService, unitText } from "../../../src/agent/cli/install-service.js";
import { afterRejection } from "../../../src/agent/tunnel/credential.js";
import { TreewireError } from "../../../src/util/index.js";
import { runProgram } from "../../support/program.js";
import { type Cleanup, tempDir } from "../../support/temp.js";

const noAnalyze = !existsSync("/usr/bin/systemd-analyze") && "systemd-analyze is not here";

/** What systemd finds wrong with a unit of the user's; "" for nothing. */
function verify(t: Cleanup, text: string): string {
  const dir = tempDir(t);
  const path = join(dir, "treewire-agent.service");
  writeFileSync(path, text);
  const args = ["--user", "verify", path];
  const { stdout, stderr } = spawnSync("systemd-analyze", args, {
    env: { ...process.env, LC_ALL: "C", XDG_RUNTIME_DIR: dir },
  });
  return `${stdout}${stderr}`;
}

t.test("--print shows the unit, calling this very program, and does nothing else", async (t) => {
  const home = tempDir(t);
  const env = { HOME: home, XDG_CONFIG_HOME: home };
  for (const [args, shipped] of [
    [["--user"], "treewire-agent.service"],
    [[], "treewire-agent@.service"],
  ] as const) {
    const { status, stdout, stderr } = await runProgram(t, "agent", ["install-service", "--print", ...args], { env });
    t.same([status, stderr], [0, ""]);
    const unit = readFileSync(new URL(`../../../../systemd/${shipped}`, import.meta.url), "utf8");
    const command = /^ExecStart=(.*) --token-file /m.exec(stdout)?.[1] ?? "";
    const [node = "", agent = ""] = command.split(" ");
    t.equal(spawnSync(node, [agent, "--version"]).status, 0, `${command} runs`);
    t.equal(
      stdout.replace(command, "/usr/bin/env treewire agent run").replace(/^Restart(Steps|MaxDelaySec)=.*\n/gm, ""),
      unit,
    );
  }
  t.same(readdirSync(home), []);
});

t.test("a systemd that can is told to wait longer after each failed start", async (t) => {
  const lines = unitText(false, { systemd: 254 }).split("\n");
  const at = lines.indexOf("RestartSec=5");
  t.same(lines.slice(at + 1, at + 3), ["RestartSteps=5", "RestartMaxDelaySec=60"]);
  t.notMatch(unitText(false, { systemd: 253 }), /RestartSteps/, "an older one would warn of it");
});

t.test("a program whose path has spaces and percent signs is called all the same", { skip: noAnalyze }, async (t) => {
  const dir = join(tempDir(t), "my own 100%h tools");
  mkdirSync(dir);
  const node = join(dir, "node");
  const unit = unitText(true, { systemd: 0, program: [node, join(dir, "agent.js")] });
  t.match(verify(t, unit), /not executable: No such file/, "systemd looks for the program");
  symlinkSync(process.execPath, node);
  t.equal(verify(t, unit), "");
  t.throws(() => unitText(true, { program: ['/a "quoted" path'] }), { code: "TW_SERVICE", message: /no such path/ });
});

t.test("without its token, or a user to watch, it installs nothing and says what is missing", async (t) => {
  const home = tempDir(t);
  const env = { HOME: home, XDG_CONFIG_HOME: home, SUDO_USER: "" };
  const { status, stderr } = await runProgram(t, "agent", ["install-service", "--user"], { env });
  t.equal(status, 2);
  t.equal(
    stderr,
    `agent: ${home}/treewire/agent.token: no token in the token file (ENOENT); write the token, alone, into it\n`,
  );
  const nobody = await runProgram(t, "agent", ["install-service"], { env });
  t.match(nobody, { status: 2, stderr: /give --for USER, or --user/ });
  t.throws(() => installService({ user: false, print: false, for: "a/../b" }), { code: "TW_BAD_USAGE" });
  t.same(readdirSync(home), []);
});

t.test("a systemd that refuses is quoted", async (t) => {
  const home = tempDir(t);
  const bin = join(home, "bin");
  mkdirSync(join(home, "treewire"));
  mkdirSync(bin);
  writeFileSync(join(home, "treewire/agent.token"), "x\n");
  writeFileSync(join(bin, "systemctl"), "#!/bin/sh\necho 'Failed to connect to bus' >&2\nexit 1\n", { mode: 0o755 });
  const env = { HOME: home, XDG_CONFIG_HOME: home, PATH: `${bin}:${process.env.PATH}` };
  const { status, stderr } = await runProgram(t, "agent", ["install-service", "--user"], { env });
  t.equal(status, 1);
  t.match(stderr, /^agent: systemctl --user daemon-reload: .* \(Failed to connect to bus\); .*--print.*\n$/);
});

t.test("a token of systemd's that is rejected is worth one restart, and the same one no other", async (t) => {
  const [credentials, runtime] = [tempDir(t), tempDir(t)];
  const env = { CREDENTIALS_DIRECTORY: credentials, RUNTIME_DIRECTORY: runtime };
  const error = new TreewireError("TW_TOKEN_REJECTED", "relay.example");
  const codeAfter = (token: string, file = join(credentials, "token"), environment: NodeJS.ProcessEnv = env) =>
    afterRejection(error, file, token, environment).code;
  t.equal(codeAfter("old"), "TW_TOKEN_OUTDATED");
  t.equal(codeAfter("old"), "TW_TOKEN_REJECTED", "it is still the same");
  t.equal(codeAfter("new"), "TW_TOKEN_OUTDATED", "it has been replaced since");
  t.notMatch(readFileSync(join(runtime, "rejected-token"), "utf8"), /new/);
  t.equal(codeAfter("other", "/etc/token"), "TW_TOKEN_REJECTED", "a file is read again without a restart");
  t.equal(codeAfter("other", undefined, {}), "TW_TOKEN_REJECTED", "without systemd");
});

t.test("a unit is for somebody whom the system knows, and its comments name them", async (t) => {
  const print = (name: string) => runProgram(t, "agent", ["install-service", "--print", "--for", name]);
  t.match(await print("nobodyx"), { status: 2, stdout: "", stderr: /--for nobodyx: .*the system has no such user/ });
  const { stdout } = await print("root");
  t.match(stdout, "systemctl enable --now treewire-agent@root");
  t.notMatch(stdout, "alice");
});
