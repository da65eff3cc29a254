import { type Config, truth } from "../config/config.js";
import { bytesOfText, textOfBytes } from "../io/byte-path.js";
import type { AttributeValue } from "./attributes.js";
import type { FileAttributes } from "./types.js";

/** The drivers that gitattributes(5) lists: known even if nobody configured them. */
export const BUILT_IN_DRIVERS: readonly string[] =
  "ada bash bibtex cpp csharp css dts elixir fortran fountain golang html java kotlin markdown matlab objc pascal perl php python ruby rust scheme tex".split(
    " ",
  );
/** What holds for a file whose attributes name no driver, or one that nobody knows. */
const DEFAULT_DRIVER = "default";

/**
 * What the `diff` attribute and the driver that it names say of a file. Rules: "Generating diff text" in
 * <https://git-scm.com/docs/gitattributes>.
 *
 * @param diff the attribute
 */
export function diffAttributes(diff: AttributeValue | undefined, config: Config): FileAttributes {
  if (typeof diff === "boolean") return { binary: !diff };
  const named = diff === undefined ? undefined : textOfBytes(diff);
  const isKnown = named !== undefined && (BUILT_IN_DRIVERS.includes(named) || config.hasAny(`diff.${named}.`));
  const name = isKnown ? named : DEFAULT_DRIVER;
  const attributes: FileAttributes = diff === undefined ? {} : { diffDriver: diff };

  const configured = config.lastOf([`diff.${name}.binary`]);
  const binary = configured === undefined ? undefined : truth(configured.value);
  if (binary !== undefined) attributes.binary = binary;
  const [extended, basic] = [`diff.${name}.xfuncname`, `diff.${name}.funcname`];
  const pattern = config.lastOf([extended, basic]);
  if (pattern?.value !== undefined) {
    const syntax = pattern.name === extended ? "extended" : "basic";
    attributes.functionPattern = { setting: pattern.name, text: bytesOfText(pattern.value), syntax };
  }
  return attributes;
}
