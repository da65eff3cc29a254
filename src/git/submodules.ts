import type { Config } from "./config/config.js";
import { ConfigSyntaxError, parseConfig, type Setting } from "./config/syntax.js";
import { badConfig } from "./io/files.js";
import type { SubmoduleIgnore } from "./types.js";

const LEVELS: readonly string[] = ["none", "untracked", "dirty", "all"];

/**
 * What of a submodule's state counts in a diff. Rules: `diff.ignoreSubmodules` and `submodule.<name>.ignore` in
 * <https://git-scm.com/docs/git-config>.
 *
 * @param path of the submodule, as text
 * @param gitmodules the bytes of `.gitmodules`, `undefined` when there is none
 * @throws TreewireError `TW_BAD_GIT_CONFIG` when `.gitmodules` breaks the syntax
 */
export function submoduleIgnore(path: string, gitmodules: Uint8Array | undefined, config: Config): SubmoduleIgnore {
  const name = gitmodules === undefined ? undefined : submoduleName(parse(gitmodules), path);
  const own = name && (config.get(`submodule.${name.name}.ignore`) ?? name.ignore);
  return level(own) ?? level(config.get("diff.ignoresubmodules")) ?? "untracked";
}

function level(value: string | undefined): SubmoduleIgnore | undefined {
  return value !== undefined && LEVELS.includes(value) ? (value as SubmoduleIgnore) : undefined;
}

function submoduleName(
  settings: readonly Setting[],
  path: string,
): { name: string; ignore: string | undefined } | undefined {
  const at = settings.findLast(({ name, value }) => value === path && /^submodule\..*\.path$/s.test(name));
  const name = at?.name.slice("submodule.".length, -".path".length);
  if (name === undefined) return undefined;
  return { name, ignore: settings.findLast((setting) => setting.name === `submodule.${name}.ignore`)?.value };
}

function parse(gitmodules: Uint8Array): Setting[] {
  try {
    return parseConfig(Buffer.from(gitmodules).toString());
  } catch (thrown) {
    if (thrown instanceof ConfigSyntaxError) throw badConfig(".gitmodules", thrown.message, thrown);
    throw thrown;
  }
}
