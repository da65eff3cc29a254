import t from "tap";
import { PathRules, readTreewireFile } from "../../src/secrets/index.js";
import { SEED } from "../support/random.js";
import { filtered, patchOf } from "./filters.js";
import { privateKey, samples } from "./samples.js";

const verdictOf = (path: string, lists: { allow?: string[]; deny?: string[] } = {}) => {
  return new PathRules({ allow: [], deny: [], ...lists }).judge([path]);
};

t.test("files are withheld by the end of their path, whatever the case of its letters", async (t) => {
  const withheld = [
    ".env",
    "a/.env.local",
    "deep/er/production.env",
    ".envrc",
    "id_ed25519",
    "keys/ID_RSA",
    "a.P12",
    "x.keystore",
    ".netrc",
    "home/.aws/credentials",
    ".docker/config.json",
    ".kube/config",
    "x/.config/gcloud/a/b.db",
    "terraform.tfstate.backup",
    "service-account-prod.json",
    ".terraformrc",
    ".htpasswd",
  ];
  for (const path of withheld) t.equal(verdictOf(path).kind, "withhold", path);
  const sent = [
    ".env.example",
    ".env.local.sample",
    "x.env.template",
    ".env.dist",
    ".ENV.Example",
    "id_rsa.pub",
    "environment",
    "src/env.ts",
    "config.json",
    "docker/config.json",
    "credentials",
    "aws/credentials",
    "gcloud",
    "config/gcloud",
    ".config/gcloud",
    "keyboard.ts",
    ".env/lib/python.py",
    "monkey",
    "a.pem.md",
  ];
  for (const path of sent) t.match(verdictOf(path), { kind: "scan", suspected: false }, path);
  for (const path of [".npmrc", "a.pem", "b.key", "credentials.json", "secrets.yaml", "x/prod.tfvars", "key.asc"]) {
    t.match(verdictOf(path), { kind: "scan", suspected: true }, path);
  }
});

t.test("of a rename, both names count", async (t) => {
  const file = patchOf("plain.txt", ["+a"]);
  const from = (path: string) => `similarity index 90%\nrename from ${path}\nrename to plain.txt\nindex `;
  t.equal(filtered({ ...file, header: file.header.replace("index ", from(".env")) }).withheld, "path");
  t.equal(filtered({ ...file, header: file.header.replace("index ", from('"\\303\\244/id_rsa"')) }).withheld, "path");
  t.equal(filtered({ ...file, header: file.header.replace("index ", from("b")) }).withheld, undefined);
});

t.test("a file that often is harmless is withheld when there is something in it", async (t) => {
  const key = privateKey(SEED, "");
  const certificate = key.map((line) => `+${line.replace("PRIVATE KEY", "CERTIFICATE")}`);
  t.equal(filtered(patchOf("a.pem", certificate)).withheld, undefined);
  t.match(
    filtered(
      patchOf(
        "a.pem",
        key.map((line) => `+${line}`),
      ),
    ),
    { withheld: "shape", withheld_rule: "private-key" },
  );
  t.equal(filtered(patchOf(".npmrc", ["+save-exact=true"])).withheld, undefined);
  t.equal(filtered(patchOf(".npmrc", [`+//example.com/:_authToken=q${SEED}Z`])).withheld, "shape");
  t.equal(filtered(patchOf("secrets.yml", [`+  password: "q${SEED}Z"`])).withheld, "shape");
  t.equal(filtered(patchOf("secrets.yml", ["+  name: prod"])).withheld, undefined);
  t.equal(filtered(patchOf("x.tfvars", [`+db_password = "q${SEED}Z"`])).withheld, "shape");
});

t.test("what is allowed is sent as it is, and what is denied wins", async (t) => {
  const [github] = samples(SEED);
  const file = patchOf("test/data/tokens.txt", [`+${github?.text}`]);
  t.equal(filtered(file, { allow: ["test/data/"] }), file);
  t.equal(filtered(patchOf(".env", ["+A=1"]), { allow: [".env"] }).withheld, undefined);
  t.match(filtered(file, { allow: ["**"], deny: ["DATA/*.txt"] }), { withheld: "path", withheld_rule: "DATA/*.txt" });
  t.equal(verdictOf("a/b.txt", { deny: ["/b.txt"] }).kind, "scan", "from the root of the tree");
  t.equal(verdictOf("b.txt", { deny: ["/b.txt"] }).kind, "withhold");
  t.equal(verdictOf("ä/x?.txt", { deny: ["ä/x?.*"] }).kind, "scan", "names are bytes");
  t.equal(verdictOf("Ã¤/x1.txt", { deny: ["ä/x?.*"] }).kind, "withhold");
});

t.test("a tree's own file can add patterns and nothing else", async (t) => {
  const text =
    "# ours\nsecrets-deny private/**\r\n\nsecrets-allow **\nsecrets = send\nsecrets-deny  a b.txt \nsecrets-deny\n";
  t.same(readTreewireFile(text), ["private/**", "a b.txt"]);
  t.equal(readTreewireFile("secrets-deny x\n".repeat(1000)).length, 200);
});

t.test("a hostile pattern takes no longer than its length allows", async (t) => {
  const rules = new PathRules({ allow: [], deny: [`${"*a".repeat(100)}b`, `${"**/a/".repeat(40)}b`] });
  t.equal(rules.judge(["a".repeat(4000)]).kind, "scan");
  t.equal(rules.judge(["a/".repeat(2000)]).kind, "scan");
});
