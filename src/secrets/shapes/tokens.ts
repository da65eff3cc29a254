import type { Keyword } from "./keyword-index.js";
import {
  ALNUM,
  type CharacterSet,
  characterSet,
  isVaried,
  looksDrawn,
  type Recognizer,
  runEnd,
  VARIED_UNITS,
  WORD,
  WORD_OR_DASH,
} from "./recognizer.js";
import type { Span } from "./span.js";

/** A token that begins with what says whose it is. */
interface TokenShape {
  readonly rule: string;
  readonly prefixes: readonly string[];
  readonly characters: CharacterSet;
  /** Behind the prefix. Less than the whole length: half of a token is as secret, and is what a text has that was cut off. */
  readonly least: number;
  /** The prefix is a word that sources have: the rest must look drawn, with letters and digits. */
  readonly isCommon?: boolean;
  /** What examples in documentation have. */
  readonly unless?: RegExp;
}

const HEX = characterSet("a-f0-9");
const CAPITALS = characterSet("A-Z0-9");
const DOTTED = characterSet("A-Za-z0-9_.-");
const BASE64 = characterSet("A-Za-z0-9+/=_-");

const words = (text: string) => text.split(" ");

const SHAPES: readonly TokenShape[] = [
  { rule: "github-token", prefixes: words("ghp_ gho_ ghu_ ghs_ ghr_"), characters: WORD, least: 10 },
  { rule: "github-token", prefixes: ["github_pat_"], characters: WORD, least: 10 },
  {
    rule: "gitlab-token",
    prefixes: words("glpat- glrt- gldt- glptt- glsoat- glcbt- glimt- glagent- glft- gloas-"),
    characters: DOTTED,
    least: 8,
  },
  {
    rule: "slack-token",
    prefixes: words("xoxb- xoxp- xoxa- xoxo- xoxr- xoxs- xoxe- xoxc- xoxd-"),
    characters: WORD_OR_DASH,
    least: 8,
  },
  { rule: "slack-token", prefixes: ["xapp-"], characters: WORD_OR_DASH, least: 16, isCommon: true },
  { rule: "slack-webhook", prefixes: ["hooks.slack.com/services/"], characters: characterSet("A-Za-z0-9/"), least: 10 },
  {
    rule: "discord-webhook",
    prefixes: words("discord.com/api/webhooks/ discordapp.com/api/webhooks/"),
    characters: characterSet("A-Za-z0-9/_-"),
    least: 10,
  },
  { rule: "stripe-key", prefixes: words("sk_live_ rk_live_ sk_test_ rk_test_"), characters: ALNUM, least: 10 },
  { rule: "stripe-key", prefixes: ["whsec_"], characters: BASE64, least: 16, isCommon: true },
  {
    rule: "openai-key",
    prefixes: words("sk-proj- sk-svcacct- sk-admin-"),
    characters: WORD_OR_DASH,
    least: 12,
    isCommon: true,
  },
  { rule: "openai-key", prefixes: ["sk-"], characters: ALNUM, least: 20, isCommon: true },
  { rule: "anthropic-key", prefixes: ["sk-ant-"], characters: WORD_OR_DASH, least: 12 },
  { rule: "openrouter-key", prefixes: ["sk-or-v1-"], characters: HEX, least: 12 },
  { rule: "npm-token", prefixes: ["npm_"], characters: ALNUM, least: 16, isCommon: true },
  { rule: "pypi-token", prefixes: ["pypi-AgE"], characters: WORD_OR_DASH, least: 12 },
  { rule: "google-api-key", prefixes: ["AIza"], characters: WORD_OR_DASH, least: 16, isCommon: true },
  { rule: "google-oauth", prefixes: ["GOCSPX-"], characters: WORD_OR_DASH, least: 10 },
  { rule: "google-oauth", prefixes: ["ya29."], characters: DOTTED, least: 16 },
  {
    rule: "aws-key-id",
    prefixes: words("AKIA ASIA"),
    characters: CAPITALS,
    least: 8,
    isCommon: true,
    unless: /EXAMPLE/,
  },
  { rule: "shopify-token", prefixes: words("shpat_ shpca_ shppa_ shpss_"), characters: ALNUM, least: 10 },
  { rule: "sendgrid-key", prefixes: ["SG."], characters: DOTTED, least: 22, isCommon: true },
  { rule: "digitalocean-token", prefixes: words("dop_v1_ doo_v1_ dor_v1_"), characters: HEX, least: 12 },
  { rule: "huggingface-token", prefixes: ["hf_"], characters: ALNUM, least: 17, isCommon: true },
  { rule: "groq-key", prefixes: ["gsk_"], characters: ALNUM, least: 16, isCommon: true },
  { rule: "linear-key", prefixes: ["lin_api_"], characters: ALNUM, least: 10 },
  { rule: "notion-token", prefixes: ["ntn_"], characters: ALNUM, least: 16, isCommon: true },
  { rule: "databricks-token", prefixes: ["dapi"], characters: HEX, least: 16, isCommon: true },
  { rule: "docker-token", prefixes: ["dckr_pat_"], characters: WORD_OR_DASH, least: 10 },
  { rule: "figma-token", prefixes: ["figd_"], characters: WORD_OR_DASH, least: 12 },
  { rule: "vault-token", prefixes: words("hvs. hvb. hvr."), characters: WORD_OR_DASH, least: 20 },
  { rule: "grafana-token", prefixes: ["glc_"], characters: BASE64, least: 16, isCommon: true },
  { rule: "grafana-token", prefixes: ["glsa_"], characters: WORD, least: 12 },
  { rule: "vercel-token", prefixes: words("vcp_ vci_ vca_ vcr_ vck_"), characters: ALNUM, least: 16, isCommon: true },
  { rule: "atlassian-token", prefixes: words("ATATT3x ATCTT3x"), characters: BASE64, least: 12 },
  { rule: "age-key", prefixes: ["AGE-SECRET-KEY-1"], characters: CAPITALS, least: 10 },
  { rule: "1password-token", prefixes: ["ops_ey"], characters: BASE64, least: 16 },
  { rule: "pulumi-token", prefixes: ["pul-"], characters: HEX, least: 20, isCommon: true },
  { rule: "rubygems-key", prefixes: ["rubygems_"], characters: HEX, least: 16, isCommon: true },
  { rule: "sentry-token", prefixes: words("sntrys_ sntryu_"), characters: BASE64, least: 12 },
  { rule: "postman-key", prefixes: ["PMAK-"], characters: WORD_OR_DASH, least: 12 },
  { rule: "newrelic-key", prefixes: ["NRAK-"], characters: CAPITALS, least: 10 },
  { rule: "planetscale-token", prefixes: words("pscale_tkn_ pscale_pw_ pscale_oauth_"), characters: DOTTED, least: 10 },
  { rule: "supabase-token", prefixes: words("sbp_ sb_secret_"), characters: WORD_OR_DASH, least: 16, isCommon: true },
  { rule: "square-token", prefixes: words("sq0csp- sq0atp-"), characters: WORD_OR_DASH, least: 10 },
  { rule: "doppler-token", prefixes: words("dp.pt. dp.st. dp.ct. dp.sa."), characters: DOTTED, least: 12 },
  { rule: "mailgun-key", prefixes: ["key-"], characters: HEX, least: 32, isCommon: true },
  { rule: "telegram-token", prefixes: [":AA"], characters: WORD_OR_DASH, least: 31, isCommon: true },
];

/** How far into a token is looked to judge it; the mask covers all of it. */
const JUDGED_UNITS = 256;
const LEAST_VARIED = 5;

/** The keywords of tokens that can be told by how they begin. */
export const TOKEN_KEYWORDS: readonly Keyword<Recognizer>[] = SHAPES.flatMap((shape) =>
  shape.prefixes.map((text) => ({ text, recognizer: recognizerOf(shape, text.length) })),
);

function recognizerOf({ rule, characters, least, isCommon = false, unless }: TokenShape, prefix: number): Recognizer {
  return ({ text, start, end, isCut }, at): Span | undefined => {
    const from = at + prefix;
    const before = at > start ? text.charCodeAt(at - 1) : 32;
    // a prefix of letters that is the end of a longer word begins no token; of `:AA`, digits stand before it
    if (isCommon && WORD[text.charCodeAt(at)] === 1 && ALNUM[before] === 1 && !isEscape(text, at, start))
      return undefined;
    // the run as far as most are ruled out by, then all of it
    const near = runEnd(text, from, Math.min(end, from + VARIED_UNITS), characters);
    const length = near - from;
    if (length < least && !(isCut && near === end && length > 0 && !isCommon)) return undefined;
    if (length >= least && !isVaried(text, from, near, LEAST_VARIED)) return undefined;
    const judged = runEnd(text, near, Math.min(end, from + JUDGED_UNITS), characters);
    if (isCommon && !looksDrawn(text.slice(from, judged))) return undefined;
    if (unless?.test(text.slice(from, judged)) === true) return undefined;
    return { start: at, end: runEnd(text, judged, end, characters), shown: prefix, rule };
  };
}

/** `\n` before a prefix, as in a string of a source: the letter belongs to the escape. */
function isEscape(text: string, at: number, start: number): boolean {
  return at - 2 >= start && text[at - 2] === "\\" && /[nrt]/.test(text[at - 1] ?? "");
}
