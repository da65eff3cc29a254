import { execFileSync, spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { chmodSync, existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import t from "tap";
import { revokeToken } from "../../src/relay/commands.js";
import { createRepo, expectedOf } from "../support/repo.js";
import { Stack } from "../support/stack.js";
import { SERVICE_UID, SERVICE_USER, Systemd, UNITS, withoutSystemd } from "../support/systemd.js";
import { ALLOW_TEMP, type Cleanup, tempDir } from "../support/temp.js";
import { until } from "../support/until.js";
import { WatchClient } from "../support/watch-client.js";

const noAnalyze = !existsSync("/usr/bin/systemd-analyze") && "systemd-analyze is not here";
/** The highest exposure that a unit may have, of 10. */
const MAX_EXPOSURE = 2.0;

t.test("systemd finds nothing wrong with the units", { skip: noAnalyze }, async (t) => {
  t.equal(UNITS.length, 3);
  const check = (...args: string[]) =>
    spawnSync("systemd-analyze", args, { env: { ...process.env, LC_ALL: "C", XDG_RUNTIME_DIR: tempDir(t) } });
  const quiet = (what: string, ...args: string[]) => {
    const { status, stdout, stderr } = check(...args);
    t.same([status, stdout.toString(), stderr.toString()], [0, "", ""], what);
  };
  quiet("all of them", "verify", ...UNITS);
  quiet("the user's", "--user", "verify", ...UNITS.filter((unit) => unit.endsWith("treewire-agent.service")));
  for (const unit of UNITS) {
    const report = check("security", "--offline=true", unit).stdout.toString();
    const exposure = Number(/exposure level for \S+: ([\d.]+)/.exec(report)?.[1]);
    t.ok(exposure <= MAX_EXPOSURE, `${basename(unit)}: ${exposure}`);
  }
});

const INSTANCE = `treewire-agent@${SERVICE_USER}.service`;

/** The relay outside, with all that an agent and a client need for one repository of the service's user. */
async function outside(t: Cleanup) {
  const stack = await Stack.start(t);
  const token = await stack.clientToken("alice");
  const workspace = randomUUID();
  const agentToken = readFileSync(await stack.agentToken(workspace), "utf8");
  const repo = createRepo(t, { a: "1\n" });
  // git asks nobody but the owner, so what it expects is asked of a twin
  const twin = createRepo(t, { a: "1\n" });
  twin.write("a", "2\n");
  const edited = expectedOf(twin.root).unified_diff.toString();
  execFileSync("chown", ["-R", `${SERVICE_UID}:${SERVICE_UID}`, repo.root]);
  const chat = await stack.bind({ workspace, owner: "alice", paths: [repo.root] });
  /** Makes an edit, and waits until a client sees it. */
  const editIsSeen = async () => {
    const client = await WatchClient.watch(t, stack.url, chat, token);
    repo.write("a", "2\n");
    await client.showsDiff(repo.root, edited);
  };
  return { stack, workspace, agentToken, editIsSeen };
}

/** {@link outside}, and the user's agent as a service of a systemd in namespaces. */
/** The repository is not in the user's home, which is what the service shows by itself. */
function settingsFor({ homeUrl }: Stack): string {
  return `TREEWIRE_RELAY=${homeUrl}\nTREEWIRE_ALLOW_ROOT=${ALLOW_TEMP.TREEWIRE_ALLOW_ROOT}\n`;
}

async function asService(t: Cleanup, dropIn: string) {
  const { stack, workspace, agentToken, editIsSeen } = await outside(t);
  const log = join(tempDir(t), "agent.log");
  const etc = {
    [`treewire/agent-${SERVICE_USER}.env`]: settingsFor(stack),
    [`treewire/agent-${SERVICE_USER}.token`]: agentToken,
  };
  const units = { [`${INSTANCE}.d/test.conf`]: `[Service]\n${output(log)}${dropIn}` };
  return { stack, workspace, agentToken, systemd: await Systemd.boot(t, { etc, units }), editIsSeen, log };
}

/** There is no journal in the namespaces. */
const output = (log: string) => `StandardOutput=append:${log}\nStandardError=append:${log}\n`;

const noSystemd = withoutSystemd();

t.test("the agent works inside its unit's sandbox", { skip: noSystemd }, async (t) => {
  const { stack, systemd, editIsSeen, log } = await asService(t, "");
  // returns when the agent has said that it is ready
  t.match(systemd.run("agent", "install-service", "--for", SERVICE_USER), /enabled and running/);
  t.equal(systemd.show(INSTANCE, "FragmentPath"), "/etc/systemd/system/treewire-agent@.service");
  t.equal(systemd.show(INSTANCE, "UnitFileState"), "enabled", "it is started with the machine");
  t.equal(systemd.show(INSTANCE, "StatusText"), `connected to ${new URL(stack.homeUrl).host}`);
  t.equal(systemd.show(INSTANCE, "ActiveState"), "active");
  await editIsSeen();

  const main = systemd.show(INSTANCE, "MainPID");
  const status = systemd.run("cat", `/proc/${main}/status`);
  t.match(status, new RegExp(`^Uid:\\s+${SERVICE_UID}\\s`, "m"));
  t.match(status, /^CapBnd:\s+0+$/m, "no capabilities");
  t.match(status, /^NoNewPrivs:\s+1$/m);
  t.match(status, /^Seccomp:\s+2$/m, "system calls are filtered");
  const told = systemd.run(
    "setpriv",
    `--reuid=${SERVICE_UID}`,
    `--regid=${SERVICE_UID}`,
    "--clear-groups",
    "agent",
    "status",
  );
  t.match(told, /connected for .*\n.*1 chat:/s, "the user's own commands reach it");
  t.match(told, /file watches: \d+ of \d+/);

  systemd.run("systemctl", "reload", INSTANCE);
  await until("it is active again", () => systemd.show(INSTANCE, "ActiveState") === "active");
  // the log is written beside everything else, so systemd may hear first that it is done
  await until("the log says so", () => /reading token and certificates again/.test(readFileSync(log, "utf8")));
  systemd.run("systemctl", "stop", INSTANCE);
  t.equal(systemd.show(INSTANCE, "Result"), "success");
});

t.test("the agent works inside its sandbox under a user's own systemd", { skip: noSystemd }, async (t) => {
  const { stack, agentToken, editIsSeen } = await outside(t);
  const dir = tempDir(t);
  chmodSync(dir, 0o777);
  const log = join(dir, "agent.log");
  const runtime = `/run/user/${SERVICE_UID}`;
  const manager = [
    "[Service]\nType=notify\nDelegate=yes\nTimeoutStopSec=5",
    `User=${SERVICE_USER}`,
    `Environment=XDG_RUNTIME_DIR=${runtime}`,
    "PassEnvironment=SYSTEMD_UNIT_PATH",
    "ExecStart=/lib/systemd/systemd --user --unit=test.target",
  ];
  const systemd = await Systemd.boot(t, {
    home: { ".config/treewire/agent.env": settingsFor(stack), ".config/treewire/agent.token": agentToken },
    units: {
      "manager.service": `${manager.join("\n")}\n`,
      "treewire-agent.service.d/test.conf": `[Service]\n${output(log)}`,
    },
  });
  systemd.run("systemctl", "start", "manager.service");
  const asUser = (...command: string[]) =>
    systemd.run(
      ...["setpriv", `--reuid=${SERVICE_UID}`, `--regid=${SERVICE_UID}`, "--clear-groups"],
      ...["env", `XDG_RUNTIME_DIR=${runtime}`, `HOME=/home/${SERVICE_USER}`, ...command],
    );
  t.match(asUser("agent", "install-service", "--user"), /enabled and running.*\n.*loginctl enable-linger/);
  const show = (property: string) =>
    asUser("systemctl", "--user", "show", "--value", "-p", property, "treewire-agent").trim();
  t.equal(show("FragmentPath"), `/home/${SERVICE_USER}/.config/systemd/user/treewire-agent.service`);
  t.equal(show("UnitFileState"), "enabled");
  await editIsSeen();
  t.match(asUser("agent", "status"), /connected for/);
  asUser("systemctl", "--user", "stop", "treewire-agent");
  t.equal(show("Result"), "success");
});

t.test("a stuck agent is ended by the watchdog, and started again", { skip: noSystemd }, async (t) => {
  const { systemd, editIsSeen } = await asService(t, "WatchdogSec=2\nRestartSec=0\n");
  systemd.run("systemctl", "start", INSTANCE);
  const main = systemd.show(INSTANCE, "MainPID");
  systemd.run("kill", "-STOP", main);
  await until("another process", () => !["0", main].includes(systemd.show(INSTANCE, "MainPID")), {
    deadlineMs: 20_000,
  });
  await editIsSeen();
});

t.test(
  "a token that was replaced is taken when the old one is revoked; one that is not is not tried again",
  {
    skip: noSystemd,
  },
  async (t) => {
    const { stack, systemd, workspace, agentToken, editIsSeen } = await asService(t, "RestartSec=0\n");
    systemd.run("systemctl", "start", INSTANCE);
    const main = systemd.show(INSTANCE, "MainPID");
    const next = await stack.agentToken(workspace);
    systemd.run("cp", next, `/etc/treewire/agent-${SERVICE_USER}.token`);
    await revokeToken(stack.place, agentToken.trim());
    await until("another process", () => !["0", main].includes(systemd.show(INSTANCE, "MainPID")));
    await editIsSeen();
    t.equal(systemd.show(INSTANCE, "NRestarts"), "1");

    await revokeToken(stack.place, readFileSync(next, "utf8").trim());
    await until("it has failed", () => systemd.show(INSTANCE, "ActiveState") === "failed");
    t.equal(systemd.show(INSTANCE, "ExecMainStatus"), "77");
    t.equal(systemd.show(INSTANCE, "NRestarts"), "2", "it has tried again once");
  },
);

t.test("an agent whose settings are bad is not started again", { skip: noSystemd }, async (t) => {
  const { systemd } = await asService(t, "RestartSec=0\nEnvironment=TREEWIRE_LOG_LEVEL=nonsense\n");
  t.throws(() => systemd.run("systemctl", "start", INSTANCE), /^Job for \S+ failed/m);
  await until("it has failed", () => systemd.show(INSTANCE, "ActiveState") === "failed");
  t.equal(systemd.show(INSTANCE, "ExecMainStatus"), "2");
  t.equal(systemd.show(INSTANCE, "NRestarts"), "0");
});

t.test("the relay works inside its unit's sandbox", { skip: noSystemd }, async (t) => {
  const log = join(tempDir(t), "relay.log");
  const unit = "treewire-relay.service";
  const systemd = await Systemd.boot(t, {
    etc: { "treewire/relay.env": "TREEWIRE_RELAY_LISTEN=127.0.0.1:0\n" },
    units: { [`${unit}.d/test.conf`]: `[Service]\n${output(log)}` },
  });
  systemd.run("systemctl", "start", unit);
  const line = await until("it listens", () => /^\{"event":"listening".*\}$/m.exec(readFileSync(log, "utf8"))?.[0], {
    seen: () => readFileSync(log, "utf8"),
  });
  const { url } = JSON.parse(line);
  t.not(new URL(url).port, "7700", "its settings count");
  t.equal((await fetch(`${url}/chats/${randomUUID()}`)).status, 401);
  const asRelay = ["setpriv", "--reuid=4712", "--regid=4712", "--clear-groups"];
  const token = systemd.run(
    ...[...asRelay, "relay", "token", "create", "--data-dir", "/var/lib/treewire-relay"],
    ...["--kind", "client", "--user", "me"],
  );
  const headers = { "Coder-Session-Token": token.trim() };
  t.equal((await fetch(`${url}/chats/${randomUUID()}`, { headers })).status, 404);
  systemd.run("systemctl", "stop", unit);
  t.equal(systemd.show(unit, "Result"), "success");
});

t.test("nothing of these tests reaches the machine", { skip: noSystemd }, async (t) => {
  t.throws(() => execFileSync("getent", ["passwd", SERVICE_USER]), "no user");
  t.notOk(existsSync("/etc/treewire"));
});
