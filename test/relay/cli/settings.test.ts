import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { AGENT_SETTINGS } from "../../../src/agent/cli/settings.js";
import { limitsOf, RELAY_SETTINGS, type RelaySettingName, relaySettings } from "../../../src/relay/cli/settings.js";
import { DEFAULT_LIMITS } from "../../../src/relay/limit-options.js";
import { type Setting, variableOf } from "../../../src/util/index.js";
import { runProgram, startProgram } from "../../support/program.js";
import { type Cleanup, tempDir } from "../../support/temp.js";

const NAMES = Object.keys(RELAY_SETTINGS.settings) as RelaySettingName[];

/** A value that a setting takes: as text, and as a file has it. */
function someValue(setting: Setting): [text: string, value: string | number | string[]] {
  const { kind } = setting;
  if (kind === "choice") {
    const last = setting.choices?.at(-1) ?? "";
    return [last, last];
  }
  if (kind === "number") return ["12", 12];
  return kind === "list" ? ["x", ["x"]] : ["x", "x"];
}

function configFile(t: Cleanup, text: string): string {
  const path = join(tempDir(t), "relay.toml");
  writeFileSync(path, text);
  return path;
}

t.test("every setting can stand in the file, in the environment, and on the command line, which wins", async (t) => {
  for (const name of NAMES) {
    const [text, value] = someValue(RELAY_SETTINGS.settings[name]);
    const config = configFile(t, `${name} = ${JSON.stringify(value)}\n`);
    const variable = variableOf(RELAY_SETTINGS, name);
    t.same(relaySettings({ config }, {})[name], { value, source: "file", from: `${name} in ${config}` });
    t.same(relaySettings({ config }, { [variable]: text })[name], { value, source: "environment", from: variable });
    const given = relaySettings({ config, [name]: value }, { [variable]: text })[name];
    t.same(given, { value, source: "command line", from: `--${name}` });
  }
  const lists = { TREEWIRE_RELAY_ALLOWED_ORIGIN: "https://a.example:8443,https://b.example" };
  t.same(relaySettings({}, lists)["allowed-origin"].value, ["https://a.example:8443", "https://b.example"]);
});

t.test("limits are what callers may use up when nothing is set, and each follows its setting", async (t) => {
  t.same(limitsOf(relaySettings({}, {})), DEFAULT_LIMITS);
  const all = Object.fromEntries(NAMES.map((name) => [name, someValue(RELAY_SETTINGS.settings[name])[1]]));
  for (const [name, value] of Object.entries(limitsOf(relaySettings(all, {})))) {
    t.equal(value, name.endsWith("Ms") ? 12_000 : 12, name);
  }
});

t.test("a running relay takes them from everywhere, and the agent's variables are the agent's business", async (t) => {
  const dir = tempDir(t);
  const config = configFile(t, `data-dir = "${dir}"\nlisten = "256.0.0.1:1"\nlog-level = "silent"\n`);
  const agents = Object.keys(AGENT_SETTINGS.settings).map((name) => [variableOf(AGENT_SETTINGS, name), "x"]);
  const serve = startProgram(t, "relay", ["serve", "--config", config, "--listen", "127.0.0.1:0"], {
    env: {
      ...Object.fromEntries(agents),
      TREEWIRE_RELAY: "https://relay.example",
      TREEWIRE_RELAY_LISTEN: "256.0.0.2:1",
      TREEWIRE_RELAY_LINGER_SECONDS: "3",
    },
  });
  t.match(await serve.line("the listening line", () => true), "http://127.0.0.1:");
  t.equal((await serve.stop()).status, 0);
  t.equal(serve.stderr, "", "the log level of the file counts");
});

t.test(
  "with all of the agent's variables set, or set to nothing, every command of the relay does its work",
  async (t) => {
    const dir = tempDir(t);
    const names = Object.keys(AGENT_SETTINGS.settings).map((name) => variableOf(AGENT_SETTINGS, name));
    t.ok(names.includes("TREEWIRE_RELAY"));
    const chat = "22222222-2222-4222-8222-222222222222";
    for (const value of ["https://relay.example", ""]) {
      const env = Object.fromEntries([...names, "TREEWIRE_CONFIG"].map((name) => [name, value]));
      for (const args of [
        ["config", "--data-dir", dir],
        ["token", "create", "--kind", "client", "--user", "me", "--data-dir", dir],
        ["token", "list", "--data-dir", dir],
        ["chat", "bind", chat, "--workspace", chat, "--data-dir", dir],
        ["chat", "list", "--data-dir", dir],
      ]) {
        const { status, stderr } = await runProgram(t, "relay", args, { env });
        t.same({ status, stderr }, { status: 0, stderr: "" }, `${args.join(" ")} with "${value}"`);
      }
      const serve = startProgram(t, "relay", ["serve", "--data-dir", dir, "--listen", "127.0.0.1:0"], { env });
      t.match(await serve.line("the listening line", () => true), "http://127.0.0.1:");
      t.equal((await serve.stop()).status, 0);
    }
  },
);

t.test("the other commands take the data directory from environment and file too", async (t) => {
  const dir = tempDir(t);
  const config = configFile(t, `data-dir = "${dir}"\nlisten = "127.0.0.1:1"\n`);
  const inFile = await runProgram(t, "relay", [
    "token",
    "create",
    "--kind",
    "client",
    "--user",
    "me",
    "--config",
    config,
  ]);
  t.match(inFile, { status: 0, stderr: "", stdout: /^twc_\S+\n$/ });
  const listed = await runProgram(t, "relay", ["token", "list", "--json"], { env: { TREEWIRE_RELAY_DATA_DIR: dir } });
  t.match(JSON.parse(listed.stdout), { kind: "client", user: "me" });
});

t.test("a file of before, in JSON, is read, and standard error shows it as TOML", async (t) => {
  const dir = tempDir(t);
  const config = join(dir, "relay.json");
  const origins = ["https://a.example"];
  const before = {
    "data-dir": dir,
    "linger-seconds": "3",
    "ping-seconds": 7,
    "allowed-origin": origins,
    "trust-proxy": "loopback",
  };
  writeFileSync(config, JSON.stringify(before));
  const { status, stdout, stderr } = await runProgram(t, "relay", ["config", "--json", "--config", config]);
  t.equal(status, 0);
  const toml = [
    `data-dir = "${dir}"`,
    "linger-seconds = 3",
    "ping-seconds = 7",
    'allowed-origin = [ "https://a.example" ]',
    'trust-proxy = [ "loopback" ]',
  ].join("\n");
  t.equal(stderr, `relay: ${config}: JSON is read as before, but the form is TOML now:\n${toml}\n`);
  const settings = JSON.parse(stdout);
  t.match(settings["linger-seconds"], { value: 3, source: "file" });
  t.same(settings["trust-proxy"].value, ["loopback"]);
  const again = await runProgram(t, "relay", ["config", "--json", "--config", configFile(t, `${toml}\n`)]);
  t.equal(again.stderr, "", "what was shown is what is wanted");
  const values = (text: string) =>
    Object.entries(JSON.parse(text)).map(([name, one]) => [name, (one as { value: unknown }).value]);
  t.same(values(again.stdout), values(stdout));

  for (const text of ['{"data-dri": "x"}', '{"ping-seconds": {}}', "{"]) {
    writeFileSync(config, text);
    const refused = await runProgram(t, "relay", ["serve", "--config", config]);
    t.equal(refused.status, 2, text);
    t.match(refused.stderr, /relay\.json: bad configuration/);
  }
});

t.test("relay config prints what counts and where it came from", async (t) => {
  const config = configFile(t, 'listen = "127.0.0.1:1"\n');
  const env = { TREEWIRE_RELAY_DRAIN_SECONDS: "3", TREEWIRE_RELAY_CONFIG: config };
  const { status, stdout, stderr } = await runProgram(t, "relay", ["config", "--log-level", "debug"], { env });
  t.same([status, stderr], [0, ""]);
  t.match(stdout, new RegExp(`^listen +127\\.0\\.0\\.1:1 +listen in ${config}$`, "m"));
  t.match(stdout, /^drain-seconds +3 +TREEWIRE_RELAY_DRAIN_SECONDS$/m);
  t.match(stdout, /^log-level +debug +--log-level$/m);
  t.match(stdout, /^data-dir +\(not set\) +default$/m);
});

t.test("a name that is not known is an error that names the nearest one, wherever it stands", async (t) => {
  const refused = async (what: string, env: NodeJS.ProcessEnv, args: string[], words: RegExp) => {
    const { status, stdout, stderr } = await runProgram(t, "relay", args, { env });
    t.same([status, stdout], [2, ""], what);
    t.match(stderr, words);
    t.equal(stderr.trim().split("\n").length, 1, "it is one line");
  };
  const config = configFile(t, 'data-dri = "/x"\n');
  await refused(
    "in the file",
    {},
    ["config", "--config", config],
    /data-dri is not a setting; did you mean data-dir\?/,
  );
  const slip = /TREEWIRE_RELAY_LISTN is not a setting; did you mean TREEWIRE_RELAY_LISTEN\?/;
  await refused("in the environment", { TREEWIRE_RELAY_LISTN: "x" }, ["config"], slip);
});

t.test("docs/operating.md lists every setting, with its default", async (t) => {
  const path = fileURLToPath(new URL("../../../../docs/operating.md", import.meta.url));
  const rows = [...readFileSync(path, "utf8").matchAll(/^\| `--([a-z-]+)` *\| *(.*?) *\| (.*?) *\|$/gm)];
  const listed = rows.map(([, name, value, describe]) => [name, value, describe]);
  const settings = NAMES.map((name) => {
    const setting: Setting = RELAY_SETTINGS.settings[name];
    const value = setting.default?.toString() ?? "";
    return [name, value === "" ? "" : `\`${value}\``, setting.describe];
  });
  t.same(listed, settings);
});
