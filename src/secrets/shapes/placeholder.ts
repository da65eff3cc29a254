/** What people write where a secret is to be put, or for one that protects nothing. In small letters. */
const WORDS = new Set(
  (
    "pass passwd password passw0rd passphrase pwd pw secret secrets token tokens key apikey api-key user username login " +
    "foo bar baz qux test testing example sample demo dummy fake mock none null nil undefined true false yes no on off " +
    "admin root default changeme change-me change_me changeit replaceme todo redacted hidden masked value string " +
    "hunter2 letmein qwerty abc abcd abc123 123 1234 12345 123456 p@ssw0rd hello world mypassword mysecret mytoken"
  ).split(" "),
);

const TEMPLATES = [
  /^[$%]|\$\{|\$\(|\{\{|%[sdv(]|%\w+%/, // of shells and languages of templates
  /^[<[{].*[>\]}]$/, // <your password>
  /^(?:your|my|some|the|insert|enter|replace|put|add)[-_ ]/i,
  /(?:your|my)[-_ ]?(?:password|secret|token|key)/i,
  /^(?:process\.env|os\.environ|env\.|ENV\[)/,
  /\.{3}|\u2026/,
];

/** Whether a text stands for a secret and is none: a variable of a template, a well-known word, one character repeated. */
export function isPlaceholder(text: string): boolean {
  if (new Set(text).size < 3) return true;
  const plain = text.toLowerCase();
  return WORDS.has(plain) || TEMPLATES.some((template) => template.test(text));
}
