import { Random } from "../support/random.js";

/** A made-up secret. None stands in a source, where scanners would take it for a real one: they are drawn. */
export interface Sample {
  readonly kind: string;
  /** What stands in a line of a file. */
  readonly text: string;
  /** What nobody may see of it: without what says of which kind it is. */
  readonly body: string;
  /** The text can be a part of a file's name. */
  readonly isName: boolean;
}

const LOWER = "abcdefghijklmnopqrstuvwxyz";
const DIGITS = "0123456789";
const ALNUM = LOWER + LOWER.toUpperCase() + DIGITS;
const HEX = `${DIGITS}abcdef`;
const CAPITALS = LOWER.toUpperCase() + DIGITS;
const URL64 = `${ALNUM}-_`;
const BASE64 = `${ALNUM}+/`;

type Kind = [kind: string, prefix: string, alphabet: string, length: number];

/** Tokens: what they begin with, and what follows. */
const TOKENS: readonly Kind[] = [
  ["GitHub personal", "ghp_", ALNUM, 36],
  ["GitHub OAuth", "gho_", ALNUM, 36],
  ["GitHub server", "ghs_", ALNUM, 36],
  ["GitHub fine-grained", "github_pat_", ALNUM, 82],
  ["GitLab", "glpat-", URL64, 20],
  ["Slack bot", "xoxb-", ALNUM, 40],
  ["Slack user", "xoxp-", ALNUM, 40],
  ["Stripe live", "sk_live_", ALNUM, 24],
  ["Stripe restricted", "rk_live_", ALNUM, 24],
  ["OpenAI project", "sk-proj-", ALNUM, 80],
  ["OpenAI", "sk-", ALNUM, 48],
  ["Anthropic", "sk-ant-api03-", URL64, 95],
  ["OpenRouter", "sk-or-v1-", HEX, 64],
  ["npm", "npm_", ALNUM, 36],
  ["PyPI", "pypi-AgEIcHlwaS5vcmc", URL64, 100],
  ["Google API", "AIza", ALNUM, 35],
  ["Google OAuth", "GOCSPX-", URL64, 28],
  ["AWS key id", "AKIA", CAPITALS, 16],
  ["Shopify", "shpat_", HEX, 32],
  ["DigitalOcean", "dop_v1_", HEX, 64],
  ["Hugging Face", "hf_", ALNUM, 34],
  ["Groq", "gsk_", ALNUM, 52],
  ["Linear", "lin_api_", ALNUM, 40],
  ["Databricks", "dapi", HEX, 32],
  ["Docker", "dckr_pat_", URL64, 27],
  ["Figma", "figd_", URL64, 40],
  ["Vault", "hvs.", URL64, 95],
  ["Grafana", "glsa_", ALNUM, 41],
  ["Atlassian", "ATATT3x", ALNUM, 180],
  ["age", "AGE-SECRET-KEY-1", CAPITALS, 58],
  ["Postman", "PMAK-", HEX, 59],
  ["New Relic", "NRAK-", CAPITALS, 27],
  ["PlanetScale", "pscale_tkn_", ALNUM, 43],
  ["Supabase", "sbp_", HEX, 40],
  ["Doppler", "dp.pt.", ALNUM, 43],
];

/** So many kinds there are. */
export const KIND_COUNT = TOKENS.length + 6;

/** One of each kind, drawn. @param seed another one gives others */
export function samples(seed: number): Sample[] {
  const random = new Random(seed);
  const draw = (alphabet: string, length: number): string => {
    return Array.from({ length }, () => alphabet[random.below(alphabet.length)] ?? "").join("");
  };
  /** Letters and digits in turn, as most draws are. */
  const mixed = (alphabet: string, length: number): string => {
    for (;;) {
      const text = draw(alphabet, length);
      if (/[0-9].{0,6}[a-z].*[0-9]/i.test(text.slice(0, length / 2)) && /[a-z0-9]$/i.test(text)) return text;
    }
  };
  const tokens = TOKENS.map(([kind, prefix, alphabet, length]): Sample => {
    const body = mixed(alphabet, length);
    return { kind, text: prefix + body, body, isName: true };
  });
  const encoded = (claims: object) => Buffer.from(JSON.stringify(claims)).toString("base64url");
  const jwt = `${encoded({ sub: draw(LOWER, 12), n: draw(DIGITS, 9) })}.${draw(URL64, 43)}`;
  const password = mixed(ALNUM, 16);
  const raw = `${mixed(ALNUM, 6)}/${mixed(ALNUM, 6)}#1`;
  const bearer = mixed(ALNUM, 40);
  const basic = Buffer.from(`${draw(LOWER, 8)}:${draw(ALNUM, 16)}`).toString("base64");
  const aws = mixed(BASE64, 40);
  return [
    ...tokens,
    { kind: "JSON Web Token", text: `${encoded({ alg: "HS256" })}.${jwt}`, body: jwt, isName: true },
    { kind: "password of a URL", text: `postgres://app:${password}@db.example.com/x`, body: password, isName: false },
    { kind: "raw password of a URL", text: `redis://app:${raw}@db.example.com`, body: raw, isName: false },
    { kind: "bearer token", text: `Authorization: Bearer ${bearer}`, body: bearer, isName: false },
    { kind: "basic authorization", text: `"authorization": "Basic ${basic}"`, body: basic, isName: false },
    { kind: "AWS secret key", text: `AWS_SECRET_ACCESS_KEY=${aws}`, body: aws, isName: false },
  ];
}

/** The lines of a private key, drawn. @param kind as `RSA`, or "" */
export function privateKey(seed: number, kind: string, lines = 20): string[] {
  const random = new Random(seed);
  const line = (length: number) => Array.from({ length }, () => BASE64[random.below(BASE64.length)] ?? "").join("");
  const name = kind === "" ? "PRIVATE KEY" : `${kind} PRIVATE KEY`;
  return [
    `-----BEGIN ${name}-----`,
    ...Array.from({ length: lines }, () => line(64)),
    `${line(30)}==`,
    `-----END ${name}-----`,
  ];
}

/** Parts of a secret of a length by which it could be told, that a text has. */
export function leaks(text: string, body: string, length = 8): string[] {
  const found: string[] = [];
  for (let at = 0; at + length <= body.length; at += 1) {
    const run = body.slice(at, at + length);
    if (text.includes(run)) found.push(run);
  }
  return found;
}
