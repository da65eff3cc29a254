import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { nearest, readSettingsFile, resolveSettings, type Setting, variableOf } from "../../src/util/index.js";
import { tempDir } from "../support/temp.js";

const TABLE = {
  relay: { kind: "text", describe: "where" },
  "log-level": { kind: "choice", describe: "how much", choices: ["info", "warn"], default: "info" },
  root: { kind: "list", describe: "which", default: [] },
  port: { kind: "number", describe: "a number" },
} satisfies Record<string, Setting>;

const resolve = (input: { commandLine?: object; environment?: NodeJS.ProcessEnv; toml?: string }) =>
  resolveSettings(TABLE, {
    commandLine: { ...input.commandLine },
    environment: input.environment ?? {},
    ...(input.toml !== undefined && { file: { path: "/etc/x.toml", text: input.toml } }),
  });

t.test("the command line goes before the environment, that before the file, that before the default", async (t) => {
  const everywhere = {
    commandLine: { relay: "a" },
    environment: { TREEWIRE_RELAY: "b", TREEWIRE_LOG_LEVEL: "warn" },
    toml: 'relay = "c"\nlog-level = "info"\nroot = ["/x", "/y"]\n',
  };
  t.same(resolve(everywhere), {
    relay: { value: "a", source: "command line", from: "--relay" },
    "log-level": { value: "warn", source: "environment", from: "TREEWIRE_LOG_LEVEL" },
    root: { value: ["/x", "/y"], source: "file", from: "root in /etc/x.toml" },
    port: { value: undefined, source: "default", from: "default" },
  });
  t.same(resolve({})["log-level"], { value: "info", source: "default", from: "default" });
});

t.test("lists and numbers come from the environment too, and an empty variable is none", async (t) => {
  const environment = { TREEWIRE_ROOT: "/a:/b", TREEWIRE_PORT: "7", TREEWIRE_RELAY: "" };
  const { root, port, relay } = resolve({ environment });
  t.same([root.value, port.value, relay.value], [["/a", "/b"], 7, undefined]);
});

t.test("an unknown key in the file is refused with the nearest known name", async (t) => {
  t.throws(() => resolve({ toml: 'log-levl = "info"' }), {
    code: "TW_BAD_CONFIG",
    message: /^\/etc\/x\.toml: .*\(log-levl is not a setting; did you mean log-level\?\)/,
  });
  t.throws(() => resolve({ toml: 'something-else = "x"' }), { message: /\(something-else is not a setting\)/ });
});

t.test("a slip in a variable's name is refused, another program's variable is not", async (t) => {
  t.throws(() => resolve({ environment: { TREEWIRE_LOGLEVEL: "info" } }), {
    message: /TREEWIRE_LOGLEVEL is not a setting; did you mean TREEWIRE_LOG_LEVEL\?/,
  });
  t.doesNotThrow(() => resolve({ environment: { TREEWIRE_SOMETHING_OF_OTHERS: "x" } }));
});

t.test("a value that does not fit is refused, and not repeated", async (t) => {
  const refused = (input: Parameters<typeof resolve>[0], wanted: RegExp) =>
    t.throws(() => resolve(input), { code: "TW_BAD_CONFIG", message: wanted });
  refused({ environment: { TREEWIRE_LOG_LEVEL: "secret" } }, /^TREEWIRE_LOG_LEVEL: (?!.*secret).*one of info, warn/);
  refused({ environment: { TREEWIRE_PORT: "x" } }, /TREEWIRE_PORT.*a number/);
  refused({ toml: "relay = 7" }, /^relay in \/etc\/x\.toml.*a string/);
  refused({ toml: 'root = "x"' }, /a list of strings/);
  refused({ toml: "no toml" }, /^\/etc\/x\.toml: bad configuration/);
});

t.test("a file that is not there is named", async (t) => {
  const dir = tempDir(t);
  t.throws(() => readSettingsFile(join(dir, "no.toml")), { code: "TW_BAD_CONFIG", message: /no\.toml.*ENOENT/ });
  writeFileSync(join(dir, "a.toml"), "port = 1\n");
  t.equal(readSettingsFile(join(dir, "a.toml")).text, "port = 1\n");
});

t.test("names", async (t) => {
  t.equal(variableOf("log-level"), "TREEWIRE_LOG_LEVEL");
  t.equal(nearest("rely", ["relay", "root"]), "relay");
  t.equal(nearest("xyz", ["relay", "root"]), undefined);
});
