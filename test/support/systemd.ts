import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Cleanup, isTempOpen, tempDir } from "./temp.js";
import { until } from "./until.js";

const SYSTEMD = "/lib/systemd/systemd";
const NAMESPACES = ["--pid", "--fork", "--mount", "--uts", "--ipc", "--cgroup", "--kill-child"];
const project = fileURLToPath(new URL("../../../", import.meta.url));

/** Why systemd cannot be run here; `false` when it can. */
export function withoutSystemd(): string | false {
  if (process.platform !== "linux") return "systemd is Linux's";
  if (process.getuid?.() !== 0) return "only root may make the namespaces in which systemd runs";
  for (const program of [SYSTEMD, "/usr/bin/unshare", "/usr/bin/nsenter", "/usr/bin/systemd-notify"]) {
    if (!existsSync(program)) return `${program} is not here`;
  }
  // a container's root is root in name only
  const probe = spawnSync("unshare", [...NAMESPACES, "mount", "--make-rprivate", "/"]);
  if (probe.status !== 0) return "no namespaces can be made";
  return isTempOpen() ? false : "the service's user can't reach the directory for temporary files";
}

/** The user whose agent runs there. */
export const SERVICE_USER = "watched";
export const SERVICE_UID = 4711;

/**
 * Starts, in namespaces of its own, with `/etc`, `/home`, `/opt`, `/usr/local` and `/var/lib` as they are but written to
 * memory, nothing of which reaches the machine. systemd knows the units that it is given, and what is installed there; of the machine's own nothing is started.
 */
const BOOT = `
set -e
mount --make-rprivate /
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
for dir in /etc /home /opt /usr/local /var/lib; do
  mkdir -p /run/layers$dir/upper /run/layers$dir/work
  mount -t overlay overlay -o lowerdir=$dir,upperdir=/run/layers$dir/upper,workdir=/run/layers$dir/work $dir
done
mount -o bind,ro /sys /sys
umount -R /sys/fs/cgroup 2>/dev/null || true
mount -t cgroup2 cgroup2 /sys/fs/cgroup
echo '${SERVICE_USER}:x:${SERVICE_UID}:${SERVICE_UID}::/home/${SERVICE_USER}:/bin/sh' >> /etc/passwd
echo '${SERVICE_USER}:x:${SERVICE_UID}:' >> /etc/group
echo 'treewire:x:4712:4712::/var/lib/treewire-relay:/bin/sh' >> /etc/passwd
echo 'treewire:x:4712:' >> /etc/group
# unit-root is what a system's first service with a sandbox makes, and what users' services need
mkdir -p /home/${SERVICE_USER} /opt/treewire /run/systemd/system /run/systemd/unit-root /run/user/${SERVICE_UID}
chown ${SERVICE_UID}:${SERVICE_UID} /home/${SERVICE_USER} /run/user/${SERVICE_UID}
mount --bind "$PROJECT" /opt/treewire
touch /usr/local/bin/node # units find the Node.js that runs the tests, wherever it is
mount --bind "$NODE" /usr/local/bin/node
for program in treewire agent relay; do ln -sf /opt/treewire/dist/bin/$program.js /usr/local/bin/$program; done
cp -r "$FILES"/etc/. /etc/
chown -R ${SERVICE_UID}:${SERVICE_UID} "$FILES"/home
cp -a "$FILES"/home/. /home/${SERVICE_USER}/
cd /
mount --make-rshared / # as systemd finds it at boot: credentials are mounted by one of its children
export container=test SYSTEMD_UNIT_PATH="/etc/systemd/system:/home/${SERVICE_USER}/.config/systemd/user:$FILES/units"
exec ${SYSTEMD} --system --unit=test.target --log-target=null --show-status=no
`;

/** After so long a systemd that still runs will not come up. That is no bound on anything. Milliseconds. */
const BOOT_MS = 60_000;

/** A systemd that runs as process 1 of namespaces of its own. It ends with the test. */
export class Systemd {
  readonly #init: string;

  private constructor(init: string) {
    this.#init = init;
  }

  /** @param files what to put below `/etc`, below the user's home and among the units, by path in them */
  static async boot(
    t: Cleanup,
    files: Partial<Record<"etc" | "home" | "units", Record<string, string>>>,
  ): Promise<Systemd> {
    const dir = tempDir(t);
    const put = (path: string, text: string, mode: number) => {
      mkdirSync(join(dir, path, ".."), { recursive: true });
      writeFileSync(join(dir, path), text, { mode });
    };
    chmodSync(dir, 0o755);
    for (const part of ["etc", "home", "units"] as const) {
      mkdirSync(join(dir, part));
      const mode = part === "units" ? 0o644 : 0o600;
      for (const [path, text] of Object.entries(files[part] ?? {})) put(join(part, path), text, mode);
    }
    cpSync(join(project, "systemd"), join(dir, "units"), { recursive: true });
    for (const target of ["test", "sysinit", "basic", "shutdown", "multi-user", "default", "network"]) {
      put(`units/${target}.target`, "[Unit]\nDefaultDependencies=no\n", 0o644);
    }
    const child = spawn("unshare", [...NAMESPACES, "bash", "-c", BOOT], {
      env: { PATH: process.env.PATH, FILES: dir, PROJECT: project, NODE: process.execPath },
      stdio: ["ignore", "ignore", "pipe"],
    });
    t.teardown(() => end(child));
    const said: Buffer[] = [];
    child.stderr.on("data", (chunk: Buffer) => said.push(chunk));
    const systemd = await until(
      "systemd is up",
      () => {
        if (child.exitCode !== null) throw new Error(`systemd did not start: ${Buffer.concat(said)}`);
        const init = childrenOf(child.pid)[0];
        const candidate = init === undefined ? undefined : new Systemd(init);
        return candidate?.isUp() ? candidate : undefined;
      },
      { deadlineMs: BOOT_MS, seen: () => Buffer.concat(said).toString() },
    );
    return systemd;
  }

  /** Runs a command among its processes and mounts, as root. @returns standard output */
  run(...command: string[]): string {
    const options = {
      stdio: ["ignore", "pipe", "pipe"] as ["ignore", "pipe", "pipe"],
      env: { PATH: process.env.PATH },
    };
    return execFileSync("nsenter", ["-t", this.#init, "-m", "-p", "--", ...command], options).toString();
  }

  /** A property of a unit, as `systemctl show` prints it. */
  show(unit: string, property: string): string {
    return this.run("systemctl", "show", "--value", "-p", property, unit).trim();
  }

  isUp(): boolean {
    try {
      return this.show("test.target", "ActiveState") === "active";
    } catch {
      return false; // it has not come so far
    }
  }
}

/** The processes that a process of this machine has started and not yet waited for. */
export function childrenOf(pid: number | undefined): string[] {
  const path = `/proc/${pid}/task/${pid}/children`;
  return existsSync(path) ? readFileSync(path, "utf8").split(" ").filter(Boolean) : [];
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGKILL"); // --kill-child takes systemd with it, and that its processes
  await gone;
}

/** The unit files of this project. */
export const UNITS = readdirSync(join(project, "systemd")).map((name) => join(project, "systemd", name));
