import t from "tap";
import {
  argumentsError,
  formatSettings,
  type SettingsTable,
  settingOptions,
  settingsJson,
} from "../../src/util/index.js";

const KNOWN = { options: ["log-level", "listen"], commands: ["serve", "token"], program: "relay" };

t.test("yargs' words about arguments become an error that names what was probably meant", async (t) => {
  const said = (message: string, ...given: string[]) => argumentsError(message, given, KNOWN).message;
  t.match(said("Unknown arguments: log-levl, logLevl", "--log-levl"), "log-levl; did you mean --log-level?");
  t.match(said("Unknown argument: serv", "serv"), "no command serv; did you mean serve?");
  t.match(said("Unknown arguments: listen, serv", "serv", "--listen", "x"), "no command serv", "its options are known");
  t.match(said("Unknown argument: elsewhere", "elsewhere"), /\(Unknown argument: elsewhere\)/);
  t.match(said("Not enough arguments"), /^relay: bad usage \(Not enough arguments\)/);
  t.match(said("Not enough arguments", "token"), /^token: bad usage/, "the command is named");
});

t.test("settings are shown with where they came from, secrets as set alone", async (t) => {
  const table: SettingsTable<"token" | "root" | "port"> = {
    ...{ program: "x", prefix: "X_" },
    settings: {
      token: { kind: "text", describe: "", secret: true, notOnCommandLine: true },
      root: { kind: "list", describe: "" },
      port: { kind: "number", describe: "" },
    },
  };
  t.same(settingOptions(table), ["root", "port"]);
  const effective = {
    token: { value: "hush", source: "environment" as const, from: "X_TOKEN" },
    root: { value: ["/a", "/b"], source: "file" as const, from: "root in x" },
    port: { value: undefined, source: "default" as const, from: "default" },
  };
  t.equal(
    formatSettings(table, effective),
    ["token  (set)      X_TOKEN", "root   /a, /b     root in x", "port   (not set)  default", ""].join("\n"),
  );
  t.same(JSON.parse(settingsJson(table, effective)), {
    token: { value: "(set)", source: "environment", from: "X_TOKEN" },
    root: { value: ["/a", "/b"], source: "file", from: "root in x" },
    port: { value: null, source: "default", from: "default" },
  });
});
