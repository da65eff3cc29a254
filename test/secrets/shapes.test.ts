import t from "tap";
import { patchText, type TreeFile } from "../../src/protocol/index.js";
import { loadPreset } from "../../src/secrets/index.js";
import { SEED } from "../support/random.js";
import { filtered, newFilter, patchOf } from "./filters.js";
import { KIND_COUNT, leaks, privateKey, type Sample, samples } from "./samples.js";

const PATH = "src/app.ts";
const code = (text: string) => `  const it = use('${text}');`;
const utf16 = (line: string) => [...line].join("\0");

/** What leaves of a secret in each place that it may have, as one text. */
const POSITIONS: Record<string, (sample: Sample) => string | undefined> = {
  added: ({ text }) => shown(patchOf(PATH, [" a", `+${code(text)}`, " b"])),
  removed: ({ text }) => shown(patchOf(PATH, [" a", `-${text}`, " b"])),
  context: ({ text }) => shown(patchOf(PATH, [` ${code(text)}`, "+a", " b"])),
  heading: ({ text }) => shown(patchOf(PATH, [" a", "+b"], { line: 9, heading: `use(${text}`.slice(0, 80) })),
  rename: ({ text, isName }) => (isName ? shown(renamed(`old-${text}.txt`, `new/${text}`)) : undefined),
  untracked: ({ text }) => shown({ ...patchOf(PATH, [`+${text}`]), key: `u:${PATH}` }),
  "binary-looking": ({ text }) => shown(patchOf(PATH, [`+\u0001\uFFFD\0${text}\0\u0002`])),
  "UTF-16": ({ text }) => shown(patchOf(PATH, [`+\uFFFD\uFFFD${utf16(code(text))}\0`]))?.replaceAll("\0", ""),
  CRLF: ({ text }) => shown(patchOf(PATH, [`+${text}\r`, "+b\r"])),
  "a long line": ({ text }) => shown(patchOf(PATH, [`+${"x ".repeat(5000)}'${text}'${", y".repeat(5000)}`])),
  "split over an edit": ({ text }) => {
    const filter = newFilter();
    const half = text.slice(0, Math.ceil((text.length * 3) / 4));
    const states = [half, text].map((part) => filter.update([patchOf(PATH, [`+${part}`])]).files);
    // three quarters of a URL have no host and no `@` yet: nothing says that there is a password in it
    return JSON.stringify(text.includes("@") || text.includes("=") ? states[1] : states);
  },
  "a text for people": ({ text }) => newFilter().maskText(`cannot read it: ${text}\nelse all is well`),
};

function shown(file: TreeFile): string {
  const left = filtered(file);
  return `${left.key}\n${left.path}\n${patchText(left)}`;
}

function renamed(from: string, to: string): TreeFile {
  const file = patchOf(to, [" a", "+b"]);
  const names = `similarity index 90%\nrename from ${from}\nrename to ${to}\n`;
  const header = file.header.replace(`a/${to} `, `a/${from} `).replace(`--- a/${to}`, `--- a/${from}`);
  return { ...file, header: header.replace("index ", `${names}index `) };
}

t.test("of a secret of any kind, in any place, nothing is left by which it could be told", async (t) => {
  t.ok(KIND_COUNT >= 40);
  t.ok(Object.keys(POSITIONS).length >= 12);
  const leaking: string[] = [];
  let tried = 0;
  for (let round = 0; round < 5; round += 1) {
    for (const sample of samples(SEED + round)) {
      for (const [position, show] of Object.entries(POSITIONS)) {
        const text = show(sample);
        if (text === undefined) continue;
        tried += 1;
        const found = leaks(text, sample.body);
        if (found.length > 0) leaking.push(`${sample.kind}, ${position}: ${sample.text} as ${text.slice(-200)}`);
      }
    }
  }
  t.ok(tried > 2000, `${tried} were tried`);
  t.same(leaking, []);
});

t.test(
  "what says the same as the file before, in another file or in another comparison, is masked as well",
  async (t) => {
    // letters alone, so that nobody but the preset takes them for a token
    const letters = "npm_abcdefghijklmnopqrstuvwxyzABCDEFGHIJ";
    for (const text of [letters, ...samples(SEED).map((sample) => sample.text)]) {
      const twice = () => patchOf(PATH, [" a", `+${code(text)}`, " b"]);
      const [first, second, other] = [
        filtered(twice()),
        filtered(twice()),
        filtered({ ...twice(), key: "t:b", path: "b" }),
      ];
      t.not(first.masked ?? first.withheld, undefined, text);
      t.equal(second.hunks, first.hunks);
      t.equal(other.hunks, first.hunks);
    }
  },
);

t.test("what is left says what was there, and lines stay as many", async (t) => {
  const [github] = samples(SEED);
  const left = filtered(patchOf(PATH, [" a", `+${code(github?.text ?? "")}\r`, "-b"]));
  t.equal(left.hunks, `@@ -1,2 +1,2 @@\n a\n+${code("ghp_[withheld:github-token]")}\r\n-b\n`);
  t.equal(left.masked, 1);
  t.same([left.additions, left.deletions], [1, 1]);
});

t.test("every rule of the installed preset is run, or is replaced by one of ours", async (t) => {
  t.same((await loadPreset()).unmatched, []);
});

t.test("marks that switch other scanners off are not believed", async (t) => {
  const [github] = samples(SEED);
  for (const mark of ["secretlint-disable-line", "gitleaks:allow", "pragma: allowlist secret", "nosec"]) {
    t.equal(filtered(patchOf(PATH, ["+// secretlint-disable", `+${github?.text} // ${mark}`])).masked, 1, mark);
  }
});

t.test("what only looks like a secret stays", async (t) => {
  const harmless = [
    "const password = await readPassword();",
    "https://user:password@example.com/ https://example.com:8080/a@b http://localhost:3000/@scope/name",
    `postgres://postgres:postgres@localhost https://${"$"}{user}:${"$"}{password}@host https://<user>:<password>@host`,
    `headers.authorization = \`Bearer ${"$"}{token}\`; Authorization: Bearer <your token>`,
    "import { hf_tokenizer_config } from './npm_config_registry'; risk-free, task-queue-with-many-words",
    `ghp_${"x".repeat(36)} sk-${"0".repeat(48)} AKIA${"A".repeat(9)}EXAMPLE`,
    `"integrity": "sha512-${Buffer.alloc(64, "é7").toString("base64")}"`,
    "if (pem.startsWith('-----BEGIN PRIVATE KEY-----')) {",
    "token = next(); SECRET_KEY = os.environ['SECRET_KEY']",
  ];
  const file = patchOf(
    PATH,
    harmless.map((line) => `+${line}`),
  );
  t.equal(filtered(file), file, "it is the same object");
});

t.test("a value that is assigned is masked in files of assignments alone", async (t) => {
  const value = `Zx${SEED}qT`;
  const line = `+DB_PASSWORD=${value}`;
  for (const path of ["app.ini", "conf/app.properties"]) {
    t.equal(filtered(patchOf(path, [line])).hunks, "@@ -1,0 +1,1 @@\n+DB_PASSWORD=[withheld:assigned-secret]\n", path);
  }
  for (const path of ["app.ts", "run.sh", "deep/env.md"]) {
    const file = patchOf(path, [line]);
    t.equal(filtered(file), file, path);
  }
  const harmless = patchOf("app.ini", [
    "+keyboard=de-latin1",
    "+key_size=4096",
    "+password=changeme",
    `+token=${"$"}{TOKEN}`,
    "+login.password=Your password, please",
  ]);
  t.equal(filtered(harmless), harmless);
});

t.test("no pattern takes longer than a line is long", async (t) => {
  const parts = [
    "sk-",
    "xoxb-",
    "://",
    "eyJ.",
    "https://a:",
    "SG.",
    "mongodb://a:",
    "authorization: ",
    "https://a:b?",
    "-----BEGIN PRIVATE KEY-----",
    "\0a",
    "npm_1a2b",
  ];
  for (const part of parts) {
    const looksFor = (units: number): number => {
      let looks = 0;
      // a clock that stands still: how often it is asked says how much work there was
      filtered(patchOf("a.ini", [`+${part.repeat(Math.ceil(units / part.length))}`]), {
        now: () => {
          looks += 1;
          return 0;
        },
      });
      return looks;
    };
    const [one, four] = [looksFor(2 ** 18), looksFor(2 ** 20)];
    t.ok(four <= 4.5 * one + 8, `${JSON.stringify(part)}: ${one} looks, and ${four} at four times the length`);
  }
});

t.test("what is made to take long is withheld when its time is up", async (t) => {
  let time = 0;
  const file = patchOf(PATH, [`+${"npm_1a2b3c ".repeat(200_000)}`]);
  const left = filtered(file, { now: () => time++ });
  t.match(left, { withheld: "time", hunks: "" });
  t.match(patchText(left), /\nWithheld: not looked through for secrets in time\n$/);
});

t.test("a private key is masked line by line, and what stands around it is not", async (t) => {
  for (const kind of ["", "RSA", "EC", "OPENSSH", "ENCRYPTED"]) {
    const key = privateKey(SEED, kind);
    const left = filtered(patchOf(PATH, ["+before", ...key.map((line) => `+${line}`), "+behind", "+MIIabcdefgh"]));
    t.same(leaks(left.hunks, key.slice(1, -1).join("")), [], kind);
    t.match(left.hunks, /\+before\n\+-----BEGIN/);
    t.match(left.hunks, /-----END [A-Z ]+-----\n\+behind\n\+MIIabcdefgh\n$/);
    t.equal(left.hunks.split("\n").length, key.length + 5);
  }
  const key = privateKey(SEED + 1, "");
  const secret = key.slice(1, -1).join("");
  const json = filtered(patchOf("a.json", [`+  "private_key": "${key.join("\\n")}\\n",`]));
  t.same(leaks(json.hunks, secret), []);
  t.match(
    json.hunks,
    /"private_key": "-----BEGIN PRIVATE KEY-----\\n\[withheld:private-key\].*-----END PRIVATE KEY-----\\n",\n$/,
  );
  const source = filtered(
    patchOf(
      "a.ts",
      key.map((line) => `+  "${line}\\n" +`),
    ),
  );
  t.same(leaks(source.hunks, secret), []);
});

t.test("of a private key, the middle is known by the whole file", async (t) => {
  const key = privateKey(SEED + 2, "RSA", 24);
  const secret = key.slice(1, -1).join("");
  const [a = "", b = "", c = "", d = "", e = "", f = "", g = ""] = key.slice(10, 17);
  const middle = patchOf(
    PATH,
    [` ${a}`, ` ${b}`, ` ${c}`, `-${d}`, `+${[...d].reverse().join("")}`, ` ${e}`, ` ${f}`, ` ${g}`],
    { line: 11, heading: key[9]?.slice(0, 80) ?? "" },
  );
  const text = [...key.slice(0, 13), [...d].reverse().join(""), ...key.slice(14)].join("\n");
  const noLeak = (left: TreeFile, name: string) => {
    t.same([...leaks(left.hunks, secret), ...leaks(left.hunks, [...d].reverse().join(""))], [], name);
  };
  noLeak(filtered(middle, { textOf: () => text }), "within the key");
  noLeak(filtered(middle), "where nobody knows the file");
  noLeak(filtered(middle, { textOf: () => "written since\n" }), "where the file is another one by now");
  const certificate = text.replaceAll("RSA PRIVATE KEY", "CERTIFICATE");
  t.equal(filtered(middle, { textOf: () => certificate }), middle, "a certificate may be seen");
});
