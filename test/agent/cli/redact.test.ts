import t from "tap";
import { runOnce } from "../../../src/agent/cli/once-command.js";
import { SecretsPolicy } from "../../../src/agent/trees/secrets-policy.js";
import { serverMessageSchema } from "../../../src/protocol/index.js";
import { leaks, privateKey, samples } from "../../secrets/samples.js";
import { SEED } from "../../support/random.js";
import { createRepo, expectedOf } from "../../support/repo.js";

const [github, , , , gitlab] = samples(SEED);
const KEY = privateKey(SEED, "");

/** What `agent --once` prints of a tree. @param isRedacted whether secrets are hidden */
async function printed(root: string, format: "diff" | "json" | "stat", isRedacted: boolean): Promise<string> {
  let text = "";
  await runOnce({
    paths: [root],
    format,
    compare: { kind: "head" },
    onNote: () => {},
    filters: "all",
    ...(isRedacted && { secrets: new SecretsPolicy({ allow: [], deny: [] }) }),
    onError: (error) => {
      throw error;
    },
    output: {
      write: (chunk, done) => {
        text += Buffer.from(chunk).toString();
        done();
        return true;
      },
    },
  });
  return text;
}

t.test("a redacted diff is git's, without secrets, in each of its forms", async (t) => {
  const repo = createRepo(t);
  const token = github?.text ?? "";
  repo.write("app.ts", `const a = 1;\nconst token = "${token}";\n`);
  repo.write(".env", "A=1\n");
  repo.write("certs/key.txt", `${KEY.join("\n")}\n`);
  repo.write("same.ts", "a\n");
  repo.git("add", ".");
  repo.git("commit", "-qm", "one");
  repo.write("app.ts", `const a = 2;\nconst token = "${token}";\n`);
  repo.write(".env", `PASSWORD=z${SEED}q\n`);
  repo.write("same.ts", "b\n");
  repo.write(`${gitlab?.text}.txt`, "x\n");
  const middle = [
    ...KEY.slice(0, 10),
    "TkVXTElORU5FV0xJTkVORVdMSU5FTkVXTElORU5FV0xJTkVORVdMSU5FTkVXTElO",
    ...KEY.slice(10),
  ];
  repo.write("certs/key.txt", `${middle.join("\n")}\n`);
  const secrets = [
    github?.body ?? "",
    gitlab?.body ?? "",
    `z${SEED}q`,
    KEY.slice(1, -1).join(""),
    "TkVXTElORU5FV0xJTkVO",
  ];
  for (const format of ["diff", "json", "stat"] as const) {
    const text = await printed(repo.root, format, true);
    t.same(
      secrets.flatMap((secret) => leaks(text, secret)),
      [],
      format,
    );
  }
  const diff = await printed(repo.root, "diff", true);
  t.match(diff, /\+\+\+ b\/\.env\nWithheld: looks like a secret\n/);
  t.match(diff, /^ const token = "ghp_\[withheld:github-token\]";$/m);
  const sameOf = (text: string) => /diff --git a\/same.ts[\s\S]*?\+b\n/.exec(text)?.[0];
  t.equal(
    sameOf(diff),
    sameOf(expectedOf(repo.root).unified_diff.toString()),
    "what has no secret is as git prints it",
  );
  const json = serverMessageSchema.parse(JSON.parse(await printed(repo.root, "json", true)));
  t.match(json, {
    repositories: [
      {
        withheld_files: [{ path: ".env", why: "path", rule: ".env" }],
        masked_files: [
          { path: "app.ts", masked: 1 },
          { path: "certs/key.txt" },
          { path: "glpat-[withheld:gitlab-token]", masked: 1 },
        ],
      },
    ],
  });
  t.match(await printed(repo.root, "stat", true), / \.env +\| Withheld\n/);
  t.equal(
    await printed(repo.root, "diff", false),
    expectedOf(repo.root).unified_diff.toString(),
    "without being asked, nothing is hidden",
  );
});
