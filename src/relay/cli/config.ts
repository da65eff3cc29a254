import { command, formatSettings, settingsJson, withSettings } from "../../util/index.js";
import { RELAY_SETTINGS, relaySettings } from "./settings.js";

export const configCommand = command(
  "config",
  "Print the settings as they count, and where each came from",
  (argv) =>
    withSettings(argv, RELAY_SETTINGS).option("json", {
      type: "boolean",
      default: false,
      describe: "as JSON, on one line",
    }),
  ({ json, ...args }) => {
    const settings = relaySettings(args);
    const text = json ? settingsJson(RELAY_SETTINGS, settings) : formatSettings(RELAY_SETTINGS, settings);
    process.stdout.write(text);
  },
);
