import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { AGENT_SETTINGS, type AgentSettingName, agentSettings } from "../../../src/agent/cli/settings.js";
import { RELAY_SETTINGS } from "../../../src/relay/cli/settings.js";
import { type Setting, settingOptions, variableOf } from "../../../src/util/index.js";
import { runProgram } from "../../support/program.js";
import { type Cleanup, tempDir } from "../../support/temp.js";

const NAMES = Object.keys(AGENT_SETTINGS.settings) as AgentSettingName[];
const SECRET = "hush-hush";

/** A value that a setting takes, as text. */
function someValue({ kind, choices }: Setting): string {
  return kind === "choice" ? (choices?.[0] ?? "") : `${SECRET}-${kind}`;
}

function configFile(t: Cleanup, text: string): string {
  const path = join(tempDir(t), "agent.toml");
  writeFileSync(path, text);
  return path;
}

t.test("every setting can stand in the file, in the environment, and on the command line, which wins", async (t) => {
  for (const name of NAMES) {
    const setting: Setting = AGENT_SETTINGS.settings[name];
    const value = someValue(setting);
    const list = setting.kind === "list";
    const expected = list ? [value] : value;
    const path = configFile(t, `${name} = ${JSON.stringify(expected)}\n`);
    t.same(agentSettings({ config: path }, {})[name], { value: expected, source: "file", from: `${name} in ${path}` });
    const variable = variableOf(AGENT_SETTINGS, name);
    const fromEnvironment = agentSettings({ config: path }, { [variable]: value });
    t.same(fromEnvironment[name], { value: expected, source: "environment", from: variable });
    const given = agentSettings({ config: path, [name]: expected }, { [variable]: "another" });
    t.equal(given[name].source, "command line", name);
  }
});

t.test("agent config prints what counts and where it came from, and no secret", async (t) => {
  const config = configFile(t, `agent-token = "${SECRET}"\nlog-level = "warn"\nrelay = "http://file"\nroot = ["/w"]\n`);
  const env = { TREEWIRE_RELAY: "http://environment", TREEWIRE_HEADER: `X-Gate: ${SECRET}` };
  const args = ["config", "--config", config, "--log-level", "debug"];
  const text = await runProgram(t, "agent", args, { env });
  t.match(text, { status: 0, stderr: "" });
  t.match(text.stdout, new RegExp(`^agent-token +\\(set\\) +agent-token in ${config}$`, "m"));
  t.match(text.stdout, /^header +\(set\) +TREEWIRE_HEADER$/m);
  t.match(text.stdout, /^relay +http:\/\/environment +TREEWIRE_RELAY$/m);
  t.match(text.stdout, /^log-level +debug +--log-level$/m);
  t.match(text.stdout, /^ca-file +\(not set\) +default$/m);
  const { stdout } = await runProgram(t, "agent", [...args, "--json"], { env });
  t.match(JSON.parse(stdout), {
    relay: { value: "http://environment", source: "environment", from: "TREEWIRE_RELAY" },
    root: { value: ["/w"], source: "file" },
    "agent-token": { value: "(set)" },
    "log-level": { value: "debug", source: "command line" },
    "state-dir": { value: /\/treewire$/, source: "default" },
    socket: { value: /\/agent\.sock$/, source: "default" },
  });
  t.notMatch(`${text.stdout}${stdout}`, SECRET);
});

t.test("a name that is not known is an error that names the nearest one, wherever it stands", async (t) => {
  const refused = async (what: string, env: NodeJS.ProcessEnv, args: string[], words: RegExp) => {
    const { status, stdout, stderr } = await runProgram(t, "agent", args, { env });
    t.same([status, stdout], [2, ""], what);
    t.match(stderr, words);
    t.equal(stderr.trim().split("\n").length, 1, "it is one line");
  };
  const file = configFile(t, 'relya = "http://x"\n');
  await refused("in the file", {}, ["config", "--config", file], /relya is not a setting; did you mean relay\?/);
  const slip = /TREEWIRE_RELAYS is not a setting; did you mean TREEWIRE_RELAY\?/;
  await refused("in the environment", { TREEWIRE_RELAYS: "http://x" }, ["config"], slip);
  const option = /Unknown argument: log-levle; did you mean --log-level\?/;
  await refused("on the command line", {}, ["config", "--log-levle", "info"], option);
});

t.test("a token does not stand on the command line, which everybody on the machine can read", async (t) => {
  const left = NAMES.filter((name) => !settingOptions(AGENT_SETTINGS).includes(name));
  t.same(left, ["agent-token"]);
  const { status, stderr } = await runProgram(t, "agent", ["--agent-token", SECRET]);
  t.equal(status, 2);
  t.notMatch(stderr, SECRET);
});

t.test("docs/install.md lists every setting, and no other", async (t) => {
  const text = readFileSync(fileURLToPath(new URL("../../../../docs/install.md", import.meta.url)), "utf8");
  const table = /^\| setting.*?\n\n/ms.exec(text)?.[0] ?? "";
  const rows = [...table.matchAll(/^\| (`.*?`) +\|/gm)].flatMap(([, names = ""]) => names.split(", "));
  t.same(rows.sort(), NAMES.map((name) => `\`${name}\``).sort());
});

t.test("variables of the relay in the environment are the relay's business", async (t) => {
  const environment = Object.fromEntries(
    Object.keys(RELAY_SETTINGS.settings).map((name) => [variableOf(RELAY_SETTINGS, name), "x"]),
  );
  t.equal(agentSettings({}, { ...environment, HOME: "/nowhere", TREEWIRE_RELAY: "http://x" }).relay.value, "http://x");
});
