import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import {
  AGENT_SETTINGS,
  type AgentSettingName,
  agentSettings,
  NOT_ON_THE_COMMAND_LINE,
} from "../../../src/agent/cli/settings.js";
import { type Setting, variableOf } from "../../../src/util/index.js";
import { runProgram } from "../../support/program.js";
import { type Cleanup, tempDir } from "../../support/temp.js";

const NAMES = Object.keys(AGENT_SETTINGS) as AgentSettingName[];
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
    const setting: Setting = AGENT_SETTINGS[name];
    const value = someValue(setting);
    const list = setting.kind === "list";
    const expected = list ? [value] : value;
    const path = configFile(t, `${name} = ${JSON.stringify(expected)}\n`);
    t.same(agentSettings({}, path, {})[name], { value: expected, source: "file", from: `${name} in ${path}` });
    const variable = variableOf(name);
    const fromEnvironment = agentSettings({}, path, { [variable]: value });
    t.same(fromEnvironment[name], { value: expected, source: "environment", from: variable });
    const given = agentSettings({ [name]: expected }, path, { [variable]: "another" });
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
  t.same(NOT_ON_THE_COMMAND_LINE, ["agent-token"]);
  const { status, stderr } = await runProgram(t, "agent", ["--agent-token", SECRET]);
  t.equal(status, 2);
  t.notMatch(stderr, SECRET);
});
