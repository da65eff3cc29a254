import { execFileSync } from "node:child_process";
import { accessSync, constants, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  homeDirectory,
  makeDirectoriesSync,
  messageOf,
  packagePath,
  systemCode,
  TreewireError,
  userName,
} from "../../util/index.js";

/** What `agent install-service` was asked for. */
export interface InstallRequest {
  /** For `systemctl --user` instead of the system's manager. */
  user: boolean;
  /** Only print the unit. */
  print: boolean;
  /** Whose trees a service of the system's manager watches; default: whoever called sudo. */
  for?: string | undefined;
}

/** A unit, and where everything of it is. */
interface Plan {
  /** The unit's text. */
  text: string;
  /** Where it goes. */
  path: string;
  /** What is enabled and started. */
  instance: string;
  /** The file with the token, which the unit hands to the agent. */
  tokenPath: string;
  /** How systemctl is to be called. */
  systemctl: readonly string[];
}

/** The units as they are shipped. */
const UNITS = packagePath("systemd");
/** This program, as a service has to call it. */
const PROGRAM = [process.execPath, packagePath("dist/bin/treewire.js"), "agent", "run"];
/** The first version of systemd with `RestartSteps=` (its NEWS); those before warn of it. */
const BACK_OFF_SINCE = 254;
const BACK_OFF = "RestartSteps=5\nRestartMaxDelaySec=60";
/** How the shipped units call it: by the path, which is not a service's own when Node.js is somebody's own. */
const SHIPPED_PROGRAM = "/usr/bin/env treewire agent run";
/** The user whom the comments of the unit for all users speak of. */
const SHIPPED_USER = /\balice\b/g;

/** `agent install-service`. @returns the exit status. @throws TreewireError `TW_SERVICE`, `TW_BAD_USAGE` */
export function installService(request: InstallRequest): number {
  if (request.print) {
    const name = request.for === undefined ? undefined : requireUser(request.for);
    process.stdout.write(unitText(request.user, { user: name }));
    return 0;
  }
  const plan = request.user ? planForUser() : planForSystem(request.for);
  requireToken(plan.tokenPath);
  writeUnit(plan);
  systemctl(plan, "daemon-reload");
  systemctl(plan, "enable", plan.instance);
  systemctl(plan, "restart", plan.instance); // it may have been running with an older unit
  process.stdout.write(`${plan.path}: written\n${plan.instance}: enabled and running; see: agent status\n`);
  if (request.user && !lingers()) {
    process.stdout.write(`to have it run before ${userName()} logs in: loginctl enable-linger\n`);
  }
  return 0;
}

function planForUser(): Plan {
  const config = process.env.XDG_CONFIG_HOME || join(homeDirectory() ?? "/", ".config");
  return {
    text: unitText(true),
    path: join(config, "systemd/user/treewire-agent.service"),
    instance: "treewire-agent.service",
    tokenPath: join(config, "treewire/agent.token"),
    systemctl: ["--user"],
  };
}

function planForSystem(named: string | undefined): Plan {
  const user = named ?? (process.env.SUDO_USER || undefined);
  if (user === undefined) {
    throw new TreewireError("TW_BAD_USAGE", "install-service", {
      detail: "give --for USER, or --user for your own service",
    });
  }
  requireUser(user);
  return {
    text: unitText(false, { user }),
    path: "/etc/systemd/system/treewire-agent@.service",
    instance: `treewire-agent@${user}.service`,
    tokenPath: `/etc/treewire/agent-${user}.token`,
    systemctl: [],
  };
}

/** What {@link unitText} may be told. */
interface UnitOptions {
  systemd?: number;
  program?: readonly string[];
  user?: string | undefined;
}

/** The name of a user whom the system knows. @throws TreewireError `TW_BAD_USAGE` */
function requireUser(name: string): string {
  const bad = (detail: string) => new TreewireError("TW_BAD_USAGE", `--for ${name}`, { detail });
  // what systemd takes as an instance without escaping, and useradd as a name
  if (!/^[a-z_][\w.-]*$/i.test(name)) throw bad("no name of a user");
  try {
    execFileSync("id", ["-u", name], { stdio: "ignore" });
  } catch (error) {
    // where there is no such command, nothing is known
    if (systemCode(error) !== "ENOENT") throw bad("the system has no such user");
  }
  return name;
}

/**
 * The shipped unit, calling this very program.
 *
 * @param user for `systemctl --user`
 * @param options `user`: whom the comments name; for tests: systemd's version (0: not known), as one that knows how waits longer after each failed start;
 *   and the program's words
 */
export function unitText(user: boolean, options: UnitOptions = {}): string {
  const { systemd = systemdVersion(), program = PROGRAM, user: name } = options;
  const shipped = readFileSync(join(UNITS, user ? "treewire-agent.service" : "treewire-agent@.service"), "utf8");
  const called = shipped.replace(SHIPPED_PROGRAM, () => program.map(quote).join(" "));
  const text = name === undefined ? called : called.replace(SHIPPED_USER, name);
  return systemd < BACK_OFF_SINCE ? text : text.replace(/^RestartSec=.*$/m, `$&\n${BACK_OFF}`);
}

function systemdVersion(): number {
  try {
    return Number(
      /^systemd (\d+)/.exec(
        execFileSync("systemctl", ["--version"], { stdio: ["ignore", "pipe", "ignore"] }).toString(),
      )?.[1] ?? 0,
    );
  } catch {
    return 0; // --print may be meant for another machine
  }
}

/** One word of a command line in a unit, as systemd.service(5) has it. */
function quote(word: string): string {
  if (/["'\\$\n]/.test(word)) throw new TreewireError("TW_SERVICE", word, { detail: "systemd takes no such path" });
  return `"${word.replaceAll("%", "%%")}"`.replace(/^"(\S*)"$/, "$1");
}

/** Without its token the unit would fail, and systemd's message would not say why. */
function requireToken(path: string): void {
  try {
    accessSync(path, constants.R_OK);
  } catch (error) {
    throw new TreewireError("TW_BAD_TOKEN_FILE", path, { detail: systemCode(error) ?? messageOf(error), cause: error });
  }
}

function writeUnit({ path, text }: Plan): void {
  try {
    makeDirectoriesSync(dirname(path));
    writeFileSync(`${path}.new`, text, { mode: 0o644 });
    renameSync(`${path}.new`, path);
  } catch (error) {
    throw new TreewireError("TW_SERVICE", path, { detail: systemCode(error) ?? messageOf(error), cause: error });
  }
}

function systemctl({ systemctl }: Plan, ...args: string[]): void {
  const command = ["systemctl", ...systemctl, ...args].join(" ");
  try {
    execFileSync("systemctl", [...systemctl, ...args], { stdio: ["ignore", "ignore", "pipe"] });
  } catch (error) {
    const said = error instanceof Error && "stderr" in error ? String(error.stderr).trim() : "";
    throw new TreewireError("TW_SERVICE", command, { detail: said || messageOf(error), cause: error });
  }
}

/** Whether the user's services run without a login: `loginctl enable-linger` leaves this file. */
function lingers(): boolean {
  try {
    accessSync(`/var/lib/systemd/linger/${userName()}`);
    return true;
  } catch {
    return false; // not, or not known: then it is said once too often
  }
}
