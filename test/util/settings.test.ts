import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import {
  configFiles,
  nearest,
  readConfigFile,
  resolveSettings,
  type SettingsTable,
  variableOf,
} from "../../src/util/index.js";
import { tempDir } from "../support/temp.js";

const TABLE: SettingsTable<"relay" | "log-level" | "root" | "port"> = {
  program: "x",
  prefix: "TREEWIRE_",
  settings: {
    relay: { kind: "text", describe: "where" },
    "log-level": { kind: "choice", describe: "how much", choices: ["info", "warn"], default: "info" },
    root: { kind: "list", describe: "which", default: [] },
    port: { kind: "number", describe: "a number" },
  },
};

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

t.test("numbers are taken from the command line's text; some must be over 0", async (t) => {
  t.equal(resolve({ commandLine: { port: "7.5" } }).port.value, 7.5);
  for (const port of ["x", "", " ", "-1", "Infinity"]) {
    t.throws(() => resolve({ commandLine: { port } }), { code: "TW_BAD_CONFIG", message: /^--port: .*a number/ }, port);
  }
  t.equal(resolve({ commandLine: { port: "0" } }).port.value, 0);
  const positive: SettingsTable<"port"> = {
    ...{ program: "x", prefix: "X_" },
    settings: { port: { kind: "number", describe: "a number", positive: true } },
  };
  t.throws(() => resolveSettings(positive, { commandLine: { port: "0" }, environment: {} }), {
    message: /^--port: .*a number over 0/,
  });
});

t.test("the file is the one on the command line, in the environment, of the user, of the system", async (t) => {
  const dir = tempDir(t);
  mkdirSync(join(dir, "treewire"));
  const write = (name: string) => {
    writeFileSync(join(dir, name), `relay = "${name}"\n`);
    return join(dir, name);
  };
  const [given, named, own] = [write("given"), write("named"), write("treewire/x.toml")];
  const home = { XDG_CONFIG_HOME: dir };
  const read = (commandLine: object, environment: NodeJS.ProcessEnv) =>
    readConfigFile(TABLE, { commandLine: { ...commandLine }, environment })?.path;
  t.equal(read({ config: given }, { ...home, TREEWIRE_CONFIG: named }), given);
  t.equal(read({}, { ...home, TREEWIRE_CONFIG: named }), named);
  t.equal(read({}, { ...home, TREEWIRE_CONFIG: "" }), own);
  t.same(configFiles(TABLE, { HOME: "/home/me" }), ["/home/me/.config/treewire/x.toml", "/etc/treewire/x.toml"]);
  t.same(configFiles(TABLE, {}), ["/etc/treewire/x.toml"], "of somebody without a home");
  t.equal(readConfigFile(TABLE, { commandLine: {}, environment: home })?.text, 'relay = "treewire/x.toml"\n');
  t.throws(() => read({ config: join(dir, "no.toml") }, {}), { code: "TW_BAD_CONFIG", message: /no\.toml.*ENOENT/ });
});

t.test("names", async (t) => {
  t.equal(variableOf(TABLE, "log-level"), "TREEWIRE_LOG_LEVEL");
  t.equal(nearest("rely", ["relay", "root"]), "relay");
  t.equal(nearest("xyz", ["relay", "root"]), undefined);
});
