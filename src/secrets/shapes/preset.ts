import type { Keyword } from "./keyword-index.js";
import { isVaried, type Line, type Recognizer, runEnd, WORD_OR_DASH } from "./recognizer.js";
import type { Span } from "./span.js";

/** So much of a line is given to a rule at once, in UTF-16 units: its work does not grow with the line. */
const WINDOW_UNITS = 4096;
/** So much before a keyword is given with it. */
const BEFORE_UNITS = 256;
/** The longest token that a rule of the preset looks for, and some more. */
const LONGEST_UNITS = 1536;

/** The keywords without which a rule finds nothing, and what its finds are called. */
interface KnownRule {
  readonly name: string;
  readonly keywords: readonly string[];
}

const ID = "@secretlint/secretlint-rule-";

/** The rules of the preset that are run, by their ids without {@link ID}. */
const KNOWN: Readonly<Record<string, KnownRule>> = {
  "1password": { name: "1password-token", keywords: ["ops_ey"] },
  anthropic: { name: "anthropic-key", keywords: ["sk-ant-"] },
  databricks: { name: "databricks-token", keywords: ["dapi"] },
  docker: { name: "docker-token", keywords: ["dckr_pat_"] },
  figma: { name: "figma-token", keywords: ["figd_"] },
  github: { name: "github-token", keywords: ["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"] },
  gitlab: { name: "gitlab-token", keywords: ["glpat-"] },
  grafana: { name: "grafana-token", keywords: ["glc_", "glsa_"] },
  groq: { name: "groq-key", keywords: ["gsk_"] },
  "hashicorp-vault": { name: "vault-token", keywords: ["hvs.", "hvb.", "hvr."] },
  huggingface: { name: "huggingface-token", keywords: ["hf_"] },
  linear: { name: "linear-key", keywords: ["lin_api_"] },
  notion: { name: "notion-token", keywords: ["ntn_"] },
  npm: { name: "npm-token", keywords: ["npm_"] },
  openai: { name: "openai-key", keywords: ["sk-proj-", "sk-svcacct-", "sk-admin-", "T3BlbkFJ"] },
  sendgrid: { name: "sendgrid-key", keywords: ["SG."] },
  shopify: { name: "shopify-token", keywords: ["shppa_", "shpca_", "shpat_", "shpss_"] },
  slack: { name: "slack-token", keywords: ["xoxb-", "xoxp-", "xapp-", "xoxa-", "xoxo-", "xoxr-", "hooks.slack.com"] },
  vercel: { name: "vercel-token", keywords: ["vcp_", "vci_", "vca_", "vcr_", "vck_"] },
};

/**
 * The rules of the preset that are not run: that of AWS names another place than the key's, those of URLs mask the host too, and ours know more forms; of private keys the
 * lines are masked one by one; and what a file says of itself to switch scanners off is not believed.
 */
const REPLACED = ["aws", "basicauth", "database-connection-string", "privatekey", "gcp", "filter-comments"];

/** Where the last so many units of a find are one and the same, it stands for a secret and is none. */
const LAST_UNITS = 12;

/** What a look at one part counts. */
const STEPS = 16;

/** As much of a rule as is used, checked before it is believed. */
interface PresetRule {
  meta: { id: string };
  create(context: RuleContext, options: object): { file(source: RuleSource): unknown };
}

interface RuleContext {
  createTranslator(messages: unknown): (key: string, values: unknown) => { message: string };
  report(found: { range: readonly number[] }): void;
  ignore(): void;
}

interface RuleSource {
  content: string;
  filePath: undefined;
  ext: string;
  contentType: "text";
}

/** What {@link loadPreset} found. */
export interface Preset {
  readonly keywords: readonly Keyword<Recognizer>[];
  /** Ids of rules that only the package or only this module knows: for the test that goes with an update. */
  readonly unmatched: readonly string[];
}

/**
 * Loads the rules of secretlint's recommended preset, without its core: each is asked for one part of a line, and says in
 * which places something stands. A rule that came with a later version is left out, until it is known by which keywords.
 *
 * @throws TypeError when the package is not of the form that it was
 */
export async function loadPreset(): Promise<Preset> {
  const loaded: { rules: unknown } = await import("@secretlint/secretlint-rule-preset-recommend");
  if (!Array.isArray(loaded.rules)) throw new TypeError("secretlint's preset has no list of rules");
  const rules: unknown[] = loaded.rules;
  const unmatched = new Set([...Object.keys(KNOWN), ...REPLACED]);
  const keywords = rules.flatMap((rule) => {
    if (!isRule(rule)) throw new TypeError("secretlint's preset has a rule of another form");
    const id = rule.meta.id.replace(ID, "");
    const known = KNOWN[id];
    if (!unmatched.delete(id)) unmatched.add(id);
    if (known === undefined) return [];
    const recognizer = recognizerOf(rule, known.name);
    return known.keywords.map((text) => ({ text, recognizer }));
  });
  return { keywords, unmatched: [...unmatched] };
}

function isRule(rule: unknown): rule is PresetRule {
  if (typeof rule !== "object" || rule === null || !("meta" in rule) || !("create" in rule)) return false;
  const { meta, create } = rule;
  return typeof create === "function" && typeof meta === "object" && meta !== null && "id" in meta;
}

function recognizerOf(rule: PresetRule, name: string): Recognizer {
  let ranges: (readonly [number, number])[] = [];
  const run = rule.create(
    {
      createTranslator: () => () => ({ message: "" }),
      report: ({ range: [start = 0, end = 0] }) => void ranges.push([start, end]),
      ignore: () => {},
    },
    {},
  );
  /** What was looked at last: keywords that stand close to each other are looked at once. */
  let last: { line: Line | undefined; from: number; to: number } = { line: undefined, from: 0, to: 0 };
  return (line, at, budget): readonly Span[] => {
    const { text, start, end } = line;
    const isCovered = at >= last.from && (at + LONGEST_UNITS <= last.to || last.to === end) && at < last.to;
    // of the line itself: another one that says the same has not been looked at
    if (isCovered && last.line === line) return [];
    budget.step(STEPS);
    const from = Math.max(start, at - BEFORE_UNITS);
    const to = Math.min(end, from + WINDOW_UNITS);
    last = { line, from, to };
    ranges = [];
    run.file({ content: text.slice(from, to), filePath: undefined, ext: "", contentType: "text" });
    return ranges
      .filter(([first, behind]) => behind > first && isVaried(text, from + behind - LAST_UNITS, from + behind, 3))
      .map(([first, behind]) => {
        const found = text.slice(from + first, from + behind);
        const shown = /^[A-Za-z]{2,12}(?:_[a-z]{2,8})?[_.-]/.exec(found)?.[0].length ?? 0;
        const stop = from + behind === to ? runEnd(text, to, end, WORD_OR_DASH) : from + behind;
        return { start: from + first, end: stop, shown: shown * 4 > found.length ? 0 : shown, rule: name };
      });
  };
}
