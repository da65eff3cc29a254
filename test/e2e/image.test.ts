import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { parse } from "yaml";
import { z } from "zod";
import { Program, programPath, startProgram } from "../support/program.js";
import { createRepo, GIT_ENV } from "../support/repo.js";
import { type Cleanup, tempDir } from "../support/temp.js";
import { until } from "../support/until.js";

const project = fileURLToPath(new URL("../../../", import.meta.url));
const dockerfile = readFileSync(join(project, "container/Dockerfile"), "utf8");
const noDocker = spawnSync("docker", ["info"], { stdio: "ignore" }).status !== 0 && "no docker runs here";

const serviceSchema = z.looseObject({
  image: z.string(),
  build: z.object({ context: z.string(), dockerfile: z.string() }),
  command: z.array(z.string()).optional(),
  entrypoint: z.array(z.string()).optional(),
  volumes: z.array(z.string()),
  depends_on: z.array(z.string()).optional(),
  read_only: z.literal(true),
});
const composeSchema = z.object({
  services: z.record(z.string(), serviceSchema),
  volumes: z.record(z.string(), z.null()),
});
const compose = composeSchema
  .loose()
  .parse(parse(readFileSync(join(project, "container/compose.yaml"), "utf8"), { merge: true }));

/** The instructions of the Dockerfile, continued lines as one. */
const instructions = dockerfile
  .replace(/^#.*\n/gm, "")
  .replace(/\\\n/g, " ")
  .split("\n")
  .filter((line) => line.trim() !== "")
  .map((line) => [line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1).trim()] as const);

t.test("the image is small, not root's, and starts its program without a shell between", async (t) => {
  const stages = instructions.filter(([name]) => name === "FROM").map(([, what]) => what);
  t.match(stages, [/^node:\d+-slim AS package$/, /^node:\d+-slim$/], "what builds it is not in it");
  const last = instructions.slice(instructions.findLastIndex(([name]) => name === "FROM"));
  const of = (wanted: string) => last.filter(([name]) => name === wanted).map(([, what]) => what);
  t.same(of("USER"), ["node"]);
  t.ok(
    last.findIndex(([name]) => name === "USER") > last.findLastIndex(([name]) => name === "RUN"),
    "all that is run after that is run by that user",
  );
  t.same(
    of("ENTRYPOINT").map((text) => JSON.parse(text)),
    [["tini", "--", "/usr/local/bin/treewire"]],
  );
  t.same(
    of("CMD").map((text) => JSON.parse(text)),
    [["--help"]],
  );
  for (const [, what] of last.filter(([name]) => name === "COPY")) t.match(what, /^--from=package /);
});

t.test("the composition names what there is: files, volumes, services", async (t) => {
  for (const [name, { build, volumes, depends_on: others = [] }] of Object.entries(compose.services)) {
    t.equal(join(project, "container", build.context, build.dockerfile), join(project, "container/Dockerfile"), name);
    for (const volume of volumes) {
      const [source = ""] = volume.split(":", 1);
      t.ok(source in compose.volumes || volume.startsWith("${"), volume);
    }
    for (const other of others) t.ok(other in compose.services, other);
  }
});

t.test("what its containers run works as it stands there, twice", async (t) => {
  const dir = tempDir(t);
  const bin = join(dir, "bin");
  for (const folder of ["bin", "tmp", "config"]) mkdirSync(join(dir, folder));
  symlinkSync(programPath("treewire"), join(bin, "treewire"));
  const repo = createRepo(t, { a: "1\n" }, join(dir, "workspace"));

  const { relay, agent } = compose.services;
  const serve = (relay?.command ?? []).map((word) =>
    word.replace("/data", join(dir, "data")).replace("0.0.0.0:7700", "127.0.0.1:0"),
  );
  const serving = startProgram(t, "treewire", serve);
  const { url } = JSON.parse(await serving.line("it listens", (line) => line.includes('"listening"'))) as {
    url: string;
  };
  const link = await until("the link", () => /\S+#agent-\S+(?=\n)/.exec(serving.stderr)?.[0], {
    seen: () => serving.stderr,
  });

  const [tini, dashes, ...shell] = agent?.entrypoint ?? [];
  t.same([tini, dashes], ["tini", "--"]);
  // as compose hands it to the container
  const words = shell.map((word) =>
    word
      .replaceAll("$$", "$")
      .replace(/\/(config|tmp)\//g, `${dir}/$1/`)
      .replace("relay:7700", new URL(url).host),
  );
  const env = {
    ...GIT_ENV,
    PATH: `${bin}:${GIT_ENV.PATH}`,
    XDG_CONFIG_HOME: join(dir, "config"),
    XDG_STATE_HOME: join(dir, "tmp"),
    LINK: link,
  };
  for (const time of ["the first time", "the second time"]) {
    const program = start(t, words, repo.root, env);
    await until(`it connects ${time}`, () => program.stderr.includes('"msg":"connected"') || undefined, {
      seen: () => program.stderr,
    });
    t.same(await program.stop(), { status: 0, signal: null }, "signals reach it");
  }
});

t.test("the image is built, runs, and leaves when it is told to", { skip: noDocker, timeout: 900_000 }, async (t) => {
  const docker = (...args: string[]) => execFileSync("docker", args, { cwd: project, encoding: "utf8" });
  docker("build", "--quiet", "--file", "container/Dockerfile", "--tag", "treewire-test", ".");
  t.match(docker("run", "--rm", "treewire-test", "--version"), /^\d+\.\d+\.\d+\n$/);
  t.match(docker("run", "--rm", "--entrypoint", "id", "treewire-test", "-u"), /^[1-9]\d*\n$/);
  const id = docker("run", "--detach", "treewire-test", "relay", "serve", "--data-dir", "/data").trim();
  t.teardown(() => docker("rm", "--force", id));
  await until("it listens", () => docker("logs", id).includes('"listening"') || undefined);
  docker("stop", "--time", "20", id);
  t.equal(docker("inspect", "--format", "{{.State.ExitCode}}", id), "0\n");
});

function start(t: Cleanup, [command = "", ...args]: string[], cwd: string, env: NodeJS.ProcessEnv): Program {
  const child = spawn(command, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  t.teardown(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  });
  return new Program("the agent's container", child);
}
