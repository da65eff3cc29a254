import { execFileSync, spawn } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { packagePath } from "../../src/util/index.js";
import type { Certificates } from "./certificates.js";
import { Program } from "./program.js";
import { type Cleanup, tempDir } from "./temp.js";
import { until } from "./until.js";

export const PROXIES = ["nginx", "haproxy", "caddy"] as const;
export type ProxyName = (typeof PROXIES)[number];

/** The fence under which docs/operating.md has each one's configuration. */
const FENCES: Record<ProxyName, string> = { nginx: "nginx", haproxy: "haproxy", caddy: "caddyfile" };

/** Why a proxy can't be run here; `false` when it can. */
export function withoutProxy(name: ProxyName): string | false {
  try {
    execFileSync("sh", ["-c", `PATH=$PATH:/usr/sbin command -v ${name}`], { stdio: "ignore" });
    return false;
  } catch {
    return `${name} is not installed`;
  }
}

/** Replaces what has to be there. */
function replaced(text: string, what: string, by: string): string {
  if (!text.includes(what)) throw new Error(`docs/operating.md says nothing of ${what}`);
  return text.replaceAll(what, by);
}

/** The configuration of docs/operating.md, with the places of this test: ports, certificates and log. */
function configured(name: ProxyName, dir: string, ports: { own: number; relay: number }, certificates: Certificates) {
  const page = readFileSync(packagePath("docs/operating.md"), "utf8");
  const [, fenced] = new RegExp(`^\`\`\`${FENCES[name]}\n(.*?)^\`\`\`$`, "ms").exec(page) ?? [];
  if (fenced === undefined) throw new Error(`docs/operating.md has no configuration for ${name}`);
  const { cert, key } = certificates.server;
  const log = join(dir, "access.log");
  const text = replaced(fenced, "127.0.0.1:7700", `127.0.0.1:${ports.relay}`);
  switch (name) {
    case "nginx": {
      const places: [string, string][] = [
        ["listen 443 ssl", `listen 127.0.0.1:${ports.own} ssl`],
        ["/etc/ssl/treewire/chain.pem", cert],
        ["/etc/ssl/treewire/key.pem", key],
        ["/var/log/nginx/treewire.log", log],
      ];
      const server = places.reduce((all, [what, by]) => replaced(all, what, by), text);
      const temps = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
        (kind) => `${kind}_temp_path ${dir}/${kind};`,
      );
      const main = `daemon off; user root; worker_processes 1; pid ${dir}/pid; error_log ${dir}/error.log;`;
      return `${process.getuid?.() === 0 ? main : main.replace("user root;", "")}\nevents {}\nhttp {\n${temps.join("\n")}\n${server}}\n`;
    }
    case "haproxy": {
      const both = join(dir, "both.pem");
      writeFileSync(both, readFileSync(cert, "utf8") + readFileSync(key, "utf8"));
      const bound = replaced(text, "bind :443", `bind 127.0.0.1:${ports.own}`);
      const global = `global\n    log stdout format raw local0\n\ndefaults\n    log global\n\n`;
      return global + replaced(bound, "/etc/ssl/treewire/chain-and-key.pem", both);
    }
    case "caddy": {
      const named = replaced(
        text,
        "treewire.example.com {",
        `https://127.0.0.1:${ports.own} {\n    tls ${cert} ${key}`,
      );
      const logged = replaced(named, "    log {", `    log {\n        output file ${log}`);
      return `{\n    admin off\n    auto_https off\n    skip_install_trust\n}\n${logged}`;
    }
  }
}

const ARGUMENTS: Record<ProxyName, (config: string, dir: string) => string[]> = {
  nginx: (config, dir) => ["-c", config, "-p", dir, "-e", join(dir, "error.log")],
  haproxy: (config) => ["-db", "-f", config],
  caddy: (config) => ["run", "--adapter", "caddyfile", "--config", config],
};

/** A proxy's own program, in front of a relay as docs/operating.md has it. */
export class ReverseProxy {
  /** Where agents and clients find the relay: with a path. */
  readonly url: string;
  readonly #dir: string;
  readonly #program: Program;

  private constructor(port: number, dir: string, program: Program) {
    this.url = `https://127.0.0.1:${port}/treewire`;
    this.#dir = dir;
    this.#program = program;
  }

  /** @param change what else the configuration has than the page */
  static async start(
    t: Cleanup,
    name: ProxyName,
    relayPort: number,
    certificates: Certificates,
    change: (config: string) => string = (config) => config,
  ): Promise<ReverseProxy> {
    const dir = tempDir(t);
    chmodSync(dir, 0o755);
    const own = await freePort();
    const config = join(dir, "config");
    mkdirSync(join(dir, "home"));
    writeFileSync(config, change(configured(name, dir, { own, relay: relayPort }, certificates)));
    const child = spawn(name, ARGUMENTS[name](config, dir), {
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH: `${process.env.PATH}:/usr/sbin`, HOME: join(dir, "home") },
    });
    const program = new Program(name, child);
    t.teardown(async () => {
      if (program.running) await program.stop("SIGTERM");
    });
    const proxy = new ReverseProxy(own, dir, program);
    await until(`${name} listens`, () => proxy.#listens(own), { seen: () => proxy.log });
    return proxy;
  }

  /** All that it has logged of requests. */
  get log(): string {
    const read = (file: string) => {
      try {
        return readFileSync(join(this.#dir, file), "utf8");
      } catch {
        return "";
      }
    };
    return [this.#program.stdout, this.#program.stderr, read("access.log"), read("error.log")].join("");
  }

  async #listens(port: number): Promise<boolean> {
    if (!this.#program.running) throw new Error(`it ended: ${this.log}`);
    return new Promise((answer) => {
      const socket = connect(port, "127.0.0.1", () => {
        socket.destroy();
        answer(true);
      });
      socket.on("error", () => answer(false));
    });
  }
}

/** A port of this machine on which nothing listens. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((ready) => server.once("listening", ready));
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
