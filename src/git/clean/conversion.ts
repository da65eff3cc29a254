import type { Config } from "../config/config.js";
import type { AttributeValue } from "../rules/attributes.js";
import { type CleanFilter, cleanFilter, type FilterPolicy } from "./clean-filter.js";
import { toUtf8, workingTreeEncoding } from "./encoding.js";
import { collapseIdents } from "./ident.js";
import { type AutoCrlf, convertLineEndings, type LineEndings, lineEndings } from "./line-endings.js";

/** Everything that happens to one file's content on its way into the repository, in this order. */
export interface Conversion {
  filter: CleanFilter | undefined;
  /** The encoding that is turned into UTF-8. */
  encoding: string | undefined;
  lineEndings: LineEndings;
  ident: boolean;
}

/** What decides how files are converted besides their attributes. */
export interface ConversionSettings {
  readonly config: Config;
  readonly autoCrlf: AutoCrlf;
  readonly filters: FilterPolicy;
}

/** Settles what attributes and configuration ask for. */
export function planConversion(
  attributes: ReadonlyMap<string, AttributeValue>,
  { config, autoCrlf, filters }: ConversionSettings,
): Conversion {
  return {
    filter: cleanFilter(attributes.get("filter"), config, filters),
    encoding: workingTreeEncoding(attributes.get("working-tree-encoding")),
    lineEndings: lineEndings(attributes, autoCrlf),
    ident: attributes.get("ident") === true,
  };
}

/** Whether anything happens after the filter. */
export function convertsText(conversion: Conversion): boolean {
  return conversion.encoding !== undefined || conversion.lineEndings !== "keep" || conversion.ident;
}

/**
 * What happens after the filter.
 * @param indexContent see {@link convertLineEndings}
 * @throws RangeError for an encoding that is not known
 */
export function convertText(
  content: Buffer,
  conversion: Conversion,
  indexContent: () => Uint8Array | undefined,
): Buffer {
  let converted = content;
  if (conversion.encoding !== undefined && content.length > 0)
    converted = toUtf8(content, conversion.encoding) ?? content;
  converted = convertLineEndings(converted, conversion.lineEndings, indexContent);
  return conversion.ident ? collapseIdents(converted) : converted;
}
