import { randomUUID } from "node:crypto";
import { join } from "node:path";
import t from "tap";
import { z } from "zod";
import { commitEntrySchema, comparisonMetaSchema } from "../../src/protocol/index.js";
import { samples } from "../secrets/samples.js";
import { expectedDiff } from "../support/git-oracle.js";
import { SEED } from "../support/random.js";
import { createRepo, git, TestRepo } from "../support/repo.js";
import { Stack } from "../support/stack.js";
import { type Cleanup, tempDir } from "../support/temp.js";
import { until } from "../support/until.js";

const stack = await Stack.start(t);
const token = await stack.clientToken("alice");
const { workspace } = await stack.startAgent(t);
const lines = (count: number) => Array.from({ length: count }, (_, at) => `line ${at + 1}\n`).join("");
const commitsSchema = z.object({
  commits: z.array(commitEntrySchema),
  has_more: z.boolean(),
  base: comparisonMetaSchema,
});

/** A clone on branch `feature` with five commits, and a chat on it that nobody watches. */
async function featureChat(t: Cleanup) {
  const origin = createRepo(t, { a: lines(30), b: "1\n" });
  const repo = new TestRepo(join(tempDir(t), "clone"));
  git(origin.root, "clone", "-q", origin.root, repo.root);
  repo.git("checkout", "-q", "--no-track", "-b", "feature");
  for (const name of ["one", "two", "three", "four", "five"]) {
    repo.write(name, `${name}\n`);
    repo.commit(name);
  }
  repo.write("a", lines(30).replace("line 20", "twentieth"));
  const chat = await stack.bind({ workspace, owner: "alice", paths: [repo.root] });
  return { origin, repo, chat };
}

/** Asks until the agent is there. */
async function get(chat: string, path: string, headers: Record<string, string> = {}): Promise<Response> {
  return until("an answer of the agent", async () => {
    const url = `${stack.url}/api/v2/chats/${chat}/${path}`;
    const response = await fetch(url, { headers: { "coder-session-token": token, ...headers } });
    const isAway = response.status === 400 && (await response.clone().text()).includes("Agent state");
    return isAway ? undefined : response;
  });
}

t.test("the commits of a branch come in pages, newest first", async (t) => {
  const { repo, chat } = await featureChat(t);
  const page = async (query: string) => commitsSchema.parse(await (await get(chat, `git/commits?${query}`)).json());
  const expected = repo.git("log", "--first-parent", "--format=%H %s", "origin/main..HEAD").split("\n");
  const listed = ({ commits }: z.infer<typeof commitsSchema>) => commits.map(({ oid, subject }) => `${oid} ${subject}`);
  const all = await page("");
  t.same(listed(all), expected);
  t.match(all, { has_more: false, base: { kind: "base", base_ref: "origin/main", ahead: 5, behind: 0 } });
  const first = await page("limit=2");
  t.same([listed(first), first.has_more], [expected.slice(0, 2), true]);
  const rest = await page(`limit=3&root=${repo.root}&before=${first.commits[1]?.oid}`);
  t.same([listed(rest), rest.has_more], [expected.slice(2), false]);
  t.match(rest.commits[0], { files: 1, additions: 1, deletions: 0, author: { name: "Test" } });
  const one = await page(`compare=commit:${repo.git("rev-parse", "HEAD~3")}`);
  t.same(listed(one), expected.slice(3, 4));
  t.match(await page("compare=ref:nowhere"), { commits: [], base: { kind: "head", reason: /nowhere/ } });
  t.equal((await get(chat, "git/commits?compare=what")).status, 400);
  t.equal((await get(chat, "git/commits?root=/elsewhere")).status, 404);
  t.equal((await get(randomUUID(), "git/commits")).status, 404);
});

t.test("a file of the diff is given out by the ids that its header names, and nothing else", async (t) => {
  const { repo, chat } = await featureChat(t);
  const file = (query: string, headers?: Record<string, string>) => get(chat, `git/file?${query}`, headers);
  const blob = (what: string) => repo.git("rev-parse", what);
  const old = await file("key=t:a&side=old&from=10&to=12");
  t.equal(await old.text(), "line 10\nline 11\nline 12\n");
  const head = (response: Response, name: string) => response.headers.get(name);
  t.same([old.status, head(old, "etag"), head(old, "treewire-lines")], [200, `"${blob("HEAD:a")}"`, "30"]);
  t.same(
    ["content-type", "x-content-type-options", "content-security-policy"].map((name) => head(old, name)),
    ["text/plain; charset=utf-8", "nosniff", "sandbox"],
  );
  const now = await file("key=t:a&side=new&from=19&to=99");
  t.match(await now.text(), /^line 19\ntwentieth\nline 21\n(.*\n)*line 30\n$/);
  const oid = repo.git("hash-object", "a");
  t.equal(head(now, "etag"), `"${oid}"`);
  t.equal((await file("key=t:a&side=new", { "if-none-match": `"${oid}"` })).status, 304);
  t.equal((await file(`key=t:a&side=new&oid=${oid}`)).status, 200);
  repo.write("a", lines(30).replace("line 21", "another"));
  const changed = await file(`key=t:a&side=new&oid=${oid}`);
  t.match([changed.status, await changed.json()], [409, { message: "Changed meanwhile." }]);
  t.equal((await file("key=t:b&side=old")).status, 404, "it is not in the diff");
  t.equal((await file("key=t:one&side=old&compare=base")).status, 404, "it has no such side");
  t.equal(await (await file("key=t:one&side=new&compare=base")).text(), "one\n");
  t.equal((await file("key=t:one&side=new")).status, 404, "it is in no diff against HEAD");
  t.equal((await file("key=t:a&side=middle")).status, 400);

  const png = Buffer.from(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
    "base64",
  );
  repo.write("image.png", png);
  repo.write("drawing.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>\n");
  repo.write("data.bin", Buffer.from([1, 0, 2]));
  const image = await file("key=u:image.png&side=new");
  t.equal(head(image, "content-type"), "image/png");
  t.same(Buffer.from(await image.arrayBuffer()), png);
  t.equal(head(await file("key=u:drawing.svg&side=new"), "content-type"), "text/plain; charset=utf-8");
  t.equal((await file("key=u:data.bin&side=new")).status, 415);
});

t.test("what the agent hides is not given out, neither in a range that the diff does not show", async (t) => {
  const { repo, chat } = await featureChat(t);
  const [github] = samples(SEED);
  repo.write("settings.ts", `const token = "${github?.text}";\n${lines(50)}`);
  repo.commit(`with ${github?.text}`);
  repo.write("settings.ts", `const token = "${github?.text}";\n${lines(50).replace("line 40", "fortieth")}`);
  repo.write(".env", "PASSWORD=hidden\n");
  repo.write("new.ts", `const token = "${github?.text}";\n`);
  t.equal((await get(chat, "git/file?key=u:.env&side=new")).status, 403);
  t.equal((await get(chat, "git/file?key=u:new.ts&side=new")).status, 403, "its ids are made up");
  const masked = await (await get(chat, "git/file?key=t:settings.ts&side=new&from=1&to=2")).text();
  t.match(masked, /^const token = "ghp_\[withheld:.*\nline 1\n$/);
  const commits = await (await get(chat, "git/commits")).text();
  t.notMatch(commits, github?.body ?? "no sample");
});

t.test("the diff of a chat is that of its first tree against the base, as Coder's clients ask for it", async (t) => {
  const { repo, chat } = await featureChat(t);
  repo.git("remote", "set-url", "origin", "https://github.com/me/app.git");
  repo.write("new", "1\n");
  const base = repo.git("merge-base", "HEAD", "origin/main");
  t.same(await (await get(chat, "diff")).json(), {
    chat_id: chat,
    provider: "github",
    remote_origin: "https://github.com/me/app.git",
    branch: "feature",
    pull_request_url: null,
    diff: expectedDiff(repo.root, { base }).toString(),
  });
});

t.test("while the agent is away, all are answered as an upgrade is", async (t) => {
  const workspace = randomUUID();
  await stack.agentToken(workspace);
  const chat = await stack.bind({ workspace, owner: "alice" });
  for (const path of ["git/commits", "git/file?key=t:a&side=new", "diff"]) {
    const response = await fetch(`${stack.url}/chats/${chat}/${path}`, { headers: { "coder-session-token": token } });
    t.match(
      [response.status, await response.json()],
      [400, { message: 'Agent state is "disconnected", it must be in the "connected" state.' }],
    );
  }
});
