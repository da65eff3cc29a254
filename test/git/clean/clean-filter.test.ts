import { execFileSync } from "node:child_process";
import { existsSync, lstatSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import iconv from "iconv-lite";
import t from "tap";
import { type CleanFilter, cleanFilter } from "../../../src/git/clean/clean-filter.js";
import { type CleanContext, FileCleaner } from "../../../src/git/clean/file-cleaner.js";
import { Config } from "../../../src/git/config/config.js";
import { openRepository } from "../../../src/git/index.js";
import { SHA1 } from "../../../src/git/objects/object-id.js";
import { createRepo, GIT_ENV, type TestRepo } from "../../support/repo.js";
import { tempDir } from "../../support/temp.js";
import { until } from "../../support/until.js";

const ENCODED = "Grüße, Welt: ÄÖÜ ß é ñ ø\r\nzweite Zeile\n";
const JAPANESE = "日本語のテキスト、カタカナ\n";
const RUSSIAN = "Привет, мир\n";

const SAMPLES: Record<string, Buffer> = {
  "UTF-16": withMark(iconv.encode(ENCODED, "utf-16le"), 0xff, 0xfe),
  utf16: withMark(iconv.encode(ENCODED, "utf-16be"), 0xfe, 0xff),
  "UTF-16LE": iconv.encode(ENCODED, "utf-16le"),
  "UTF-16BE": iconv.encode(ENCODED, "utf-16be"),
  "UTF-16LE-BOM": withMark(iconv.encode(ENCODED, "utf-16le"), 0xff, 0xfe),
  "UTF-32": withMark(iconv.encode(ENCODED, "utf-32be"), 0, 0, 0xfe, 0xff),
  "UTF-32LE": iconv.encode(ENCODED, "utf-32le"),
  "UTF-8": Buffer.from(ENCODED),
  "ISO-8859-1": iconv.encode(ENCODED, "iso-8859-1"),
  "ISO-8859-15": iconv.encode(`${ENCODED}€`, "iso-8859-15"),
  "windows-1252": iconv.encode(`${ENCODED}€ “q”`, "windows-1252"),
  CP1251: iconv.encode(RUSSIAN, "windows-1251"),
  "KOI8-R": iconv.encode(RUSSIAN, "koi8-r"),
  CP437: iconv.encode("äöü ░▒▓", "cp437"),
  Shift_JIS: iconv.encode(JAPANESE, "shift_jis"),
  "EUC-JP": iconv.encode(JAPANESE, "euc-jp"),
  GBK: iconv.encode("中文文本", "gbk"),
  GB18030: iconv.encode("中文文本 €", "gb18030"),
  Big5: iconv.encode("中文文本", "big5"),
  "EUC-KR": iconv.encode("한국어", "euc-kr"),
};

/** Where git complains, and takes the bytes as they are. */
const REFUSED: Record<string, Buffer> = {
  "UTF-16": iconv.encode(ENCODED, "utf-16le"),
  "UTF-16LE": withMark(iconv.encode(ENCODED, "utf-16le"), 0xff, 0xfe),
  "UTF-16BE": withMark(iconv.encode(ENCODED, "utf-16be"), 0xfe, 0xff),
  "UTF-32": iconv.encode(ENCODED, "utf-32le"),
  "EUC-JP": Buffer.from([0x41, 0xff, 0xff, 0x41]),
  GBK: Buffer.from([0x41, 0x80, 0xff]),
};

for (const [kind, samples] of Object.entries({ converted: SAMPLES, "left alone": REFUSED })) {
  t.test(`working-tree-encoding: what git understands is ${kind}`, async (t) => {
    const repo = createRepo(t);
    for (const [encoding, content] of Object.entries(samples)) {
      repo.write(".gitattributes", `file text working-tree-encoding=${encoding}\n`);
      repo.write("file", content);
      t.equal(await cleanedOid(repo, "file"), repo.git("hash-object", "file"), encoding);
    }
  });
}

t.test("an encoding that is not known gives an error for the file", async (t) => {
  const repo = createRepo(t);
  repo.write(".gitattributes", "file working-tree-encoding=EBCDIC-XX\n");
  repo.write("file", "x");
  await t.rejects(cleanedOid(repo, "file"), { code: "TW_UNKNOWN_ENCODING", message: /file.*ebcdic-xx/ });
});

t.test("a filter's clean command is run as git runs it", async (t) => {
  const repo = createRepo(t);
  const cases: Record<string, string> = {
    upper: "tr a-z A-Z",
    named: "printf '%%s %%s' %f \"$PWD\"; cat",
    deaf: "echo fixed",
    failing: "cat; exit 3",
    missing: "/no/such/program",
    nothing: "",
    empty: "true",
    path: "cat /dev/stdin; echo",
    noisy: "tr a b; echo oops >&2",
  };
  for (const [name, command] of Object.entries(cases)) repo.git("config", `filter.${name}.clean`, command);
  for (const name of [...Object.keys(cases), "unconfigured"]) {
    const path = `dir/it's a ${name}`;
    repo.write(".gitattributes", `dir/* filter=${name} text\n`);
    repo.write(path, "some text\r\nmore\r\n");
    t.equal(await cleanedOid(repo, path), repo.git("hash-object", path), name);
  }
});

t.test("a required filter that fails is an error for the file", async (t) => {
  const repo = createRepo(t);
  repo.write(".gitattributes", "file filter=needed\n");
  repo.write("file", "x");
  repo.git("config", "filter.needed.required", "true");
  await t.rejects(cleanedOid(repo, "file"), { code: "TW_FILTER_FAILED", message: /file.*"needed": required/ });
  repo.git("config", "filter.needed.clean", "exit 5");
  await t.rejects(cleanedOid(repo, "file"), { code: "TW_FILTER_FAILED", message: /exit status 5/ });
  repo.git("config", "filter.needed.clean", "cat");
  t.equal(await cleanedOid(repo, "file"), repo.git("hash-object", "file"));
});

t.test("a filter over the time limit is killed, with what it started", async (t) => {
  const dir = tempDir(t);
  writeFileSync(join(dir, "file"), "x");
  const mark = join(dir, "still-alive");
  const kinds: CleanFilter[] = [
    { kind: "command", name: "slow", command: `(sleep 3; touch ${mark}) & wait`, required: false },
    { kind: "process", name: "slow", command: `(sleep 3; touch ${mark}) & wait`, required: false },
  ];
  for (const filter of kinds) {
    const context: CleanContext = {
      root: dir,
      format: SHA1,
      bigFileThresholdBytes: 1e9,
      filterLimits: { timeMs: 100, outputBytes: 1e6 },
      conversion: () => ({ filter, encoding: undefined, lineEndings: "keep", ident: false }),
      readBlob: () => new Uint8Array(),
    };
    const cleaned = new FileCleaner(context).clean("file", lstatSync(join(dir, "file")), undefined);
    await t.rejects(cleaned, { code: "TW_FILTER_FAILED", message: /not done after 100 ms/ });
  }
  // a process that is killed is listed until it has ended
  await until("nothing of it runs any more", () => !execFileSync("ps", ["-eo", "args"]).toString().includes(mark));
  t.notOk(existsSync(mark), "it did not end by itself");
});

t.test("only configuration names a command", async (t) => {
  const config = new Config([{ name: "filter.known.clean", value: "cat" }]);
  t.equal(cleanFilter("cat /etc/passwd", config, "all"), undefined);
  t.equal(cleanFilter(true, config, "all"), undefined);
  t.match(cleanFilter("known", config, "all"), { kind: "command", command: "cat" });
});

t.test("a long-running filter is asked for file after file, as git asks it", async (t) => {
  const repo = createRepo(t);
  const program = join(tempDir(t), "filter.mjs");
  const log = join(tempDir(t), "starts");
  writeFileSync(program, FILTER_PROGRAM);
  repo.git("config", "filter.long.process", `${process.execPath} ${program} ${log}`);
  repo.git("config", "filter.long.clean", "echo never run");
  repo.write(".gitattributes", "* filter=long\n");
  const repository = openRepository(repo.root, GIT_ENV, "all");
  const contents = {
    plain: "abc\n",
    large: "abc\n".repeat(60_000),
    empty: "",
    "error-file": "abc\n",
    "late-error": "abc\n",
  };
  for (const [path, content] of Object.entries(contents)) {
    repo.write(path, content);
    const clean = await repository.clean(path, lstatSync(join(repo.root, path)), undefined);
    t.equal(clean.oid, repo.git("hash-object", path), path);
  }
  repo.git("config", "filter.long.process", "exit 1");
  await t.rejects(cleanedOid(repo, "plain"), { code: "TW_FILTER_FAILED", message: /plain/ });
});

t.test("Git LFS pointers are computed without git-lfs", async (t) => {
  const repo = createRepo(t);
  repo.write(".gitattributes", "* filter=lfs diff=lfs merge=lfs -text\n");
  const content = Buffer.alloc(3 * 2 ** 20, "content\r\n");
  repo.write("file", content);
  t.equal(await cleanedOid(repo, "file"), repo.git("hash-object", "file"), "not configured: not filtered");
  repo.git("config", "filter.lfs.clean", "git-lfs clean -- %f");
  repo.git("config", "filter.lfs.process", "git-lfs filter-process");
  repo.git("config", "filter.lfs.required", "true");
  const repository = openRepository(repo.root, GIT_ENV, "all");
  const read = async (path: string): Promise<string> => {
    const clean = await repository.clean(path, lstatSync(join(repo.root, path)), undefined);
    return Buffer.from(clean.content()).toString();
  };
  const sum = execFileSync("sha256sum", [join(repo.root, "file")])
    .toString()
    .slice(0, 64);
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${sum}\nsize ${content.length}\n`;
  t.equal(await read("file"), pointer);
  repo.write("pointer", pointer);
  t.equal(await read("pointer"), pointer, "a pointer is its own pointer");
  repo.write("empty", "");
  t.equal(await read("empty"), "", "an empty file has no pointer");
  repo.write("nearly", `${pointer}x`);
  t.match(await read("nearly"), /^version .*\noid sha256:[0-9a-f]{64}\nsize \d+\n$/);
});

/** Speaks the protocol: upper-cases, logs its start, and fails for files named so. */
const FILTER_PROGRAM = `
import { appendFileSync, readSync, writeSync } from "node:fs";
appendFileSync(process.argv[2], "started\\n");
// Standard input and output may be sockets that have nothing, or no room, just now.
const patient = (io) => {
  for (;;) {
    try {
      return io();
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
};
const read = (length) => {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; ) {
    const got = patient(() => readSync(0, bytes, at, length - at, null));
    if (got === 0) process.exit(0);
    at += got;
  }
  return bytes;
};
const list = () => {
  const packets = [];
  for (;;) {
    const length = parseInt(read(4).toString(), 16);
    if (length === 0) return packets;
    packets.push(read(length - 4));
  }
};
const write = (bytes) => { for (let at = 0; at < bytes.length; ) at += patient(() => writeSync(1, bytes, at)); };
const send = (bytes) => write(Buffer.concat([Buffer.from((bytes.length + 4).toString(16).padStart(4, "0")), bytes]));
const lines = (...texts) => { for (const text of texts) send(Buffer.from(text + "\\n")); write(Buffer.from("0000")); };
list(); lines("git-filter-server", "version=2");
list(); lines("capability=clean", "capability=smudge");
for (;;) {
  const request = list().map(String).join("");
  const content = Buffer.concat(list());
  if (request.includes("error-file")) { lines("status=error"); continue; }
  lines("status=success");
  const answer = Buffer.from(content.toString("latin1").toUpperCase(), "latin1");
  for (let at = 0; at < answer.length; at += 60000) send(answer.subarray(at, at + 60000));
  write(Buffer.from("0000"));
  if (request.includes("late-error")) lines("status=error"); else lines();
}
`;

function withMark(content: Buffer, ...mark: number[]): Buffer {
  return Buffer.concat([Buffer.from(mark), content]);
}

async function cleanedOid(repo: TestRepo, path: string): Promise<string> {
  const repository = openRepository(repo.root, GIT_ENV, "all");
  const clean = await repository.clean(path, lstatSync(join(repo.root, path)), undefined);
  return clean.oid;
}
