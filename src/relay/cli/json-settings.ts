import { stringify as toToml } from "smol-toml";
import { z } from "zod";
import { messageOf, type Setting, type SettingsFile, type SettingsTable, TreewireError } from "../../util/index.js";

const jsonSchema = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]));

/**
 * A configuration file of the relay was JSON once: options by their names, and values as the command line takes them (a
 * number as text, a list's only entry alone).
 *
 * @returns the same as TOML; `undefined` when the file is none of those
 * @throws TreewireError `TW_BAD_CONFIG`
 */
export function fromJson({ path, text }: SettingsFile, { settings }: SettingsTable): SettingsFile | undefined {
  if (!text.trimStart().startsWith("{")) return undefined;
  try {
    const values = Object.entries(jsonSchema.parse(JSON.parse(text)));
    const typed = values.map(([name, value]) => [name, typedValue(settings[name], value)]);
    return { path, text: toToml(Object.fromEntries(typed)) };
  } catch (error) {
    const detail = error instanceof z.ZodError ? z.prettifyError(error) : messageOf(error);
    throw new TreewireError("TW_BAD_CONFIG", path, { detail, cause: error });
  }
}

/** A value as the setting's kind has it, if it can be; what does not fit is refused by whoever reads the TOML. */
function typedValue(setting: Setting | undefined, value: string | number | boolean | string[]) {
  if (setting === undefined) return value;
  if (setting.kind === "number") return typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (setting.kind === "list") return typeof value === "string" ? [value] : value;
  return typeof value === "number" ? String(value) : value;
}
