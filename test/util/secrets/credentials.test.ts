import t from "tap";
import { TreewireError } from "../../../src/util/errors.js";
import { createLogger, messageOf, remoteWithoutCredentials, withoutCredentials } from "../../../src/util/index.js";
import fc from "../../support/fast-check.js";

t.test("of http URLs user and password go, of others the password; the scp form stays", async (t) => {
  for (const [url, expected] of [
    ["https://bob:ghp_secret@example.com/me/app.git", "https://example.com/me/app.git"],
    ["https://ghp_secret@example.com/me/app.git", "https://example.com/me/app.git"],
    ["HTTPS://bob:x@EXAMPLE.com/", "HTTPS://EXAMPLE.com/"],
    ["http://bob:p@ss@host:8080/a@b?c=d@e#f@g", "http://host:8080/a@b?c=d@e#f@g"],
    ["git+https://bob:x@host/", "git+https://host/"],
    ["hg::https://bob:x@host/", "hg::https://host/"],
    ["https://bob:p%40s%2Fs@[2001:db8::1]:443/", "https://[2001:db8::1]:443/"],
    ["https://bob:pa/ss@host/x", "https://host/x"],
    ['https://bob:a "quoted" word@host/x', "https://host/x"],
    ["https://:x@host/", "https://host/"],
    ["ssh://git:secret@host:22/~me/app", "ssh://git@host:22/~me/app"],
    ["ftp://me:secret@host/", "ftp://me@host/"],
    ["git://:secret@host/", "git://@host/"],
    ["ssh://git@[::1]:22/app", "ssh://git@[::1]:22/app"],
    ["git@example.com:me/app.git", "git@example.com:me/app.git"],
    ["https://example.com:8443/@scope/app@2", "https://example.com:8443/@scope/app@2"],
    ["https://[::1]:8443/@scope/app@2", "https://[::1]:8443/@scope/app@2"],
    ["file:///srv/a:b@c", "file:///srv/a:b@c"],
    ["/srv/app@2", "/srv/app@2"],
    ["", ""],
  ] as const) {
    t.equal(remoteWithoutCredentials(url), expected, url);
  }
});

t.test("URLs amid a text lose theirs, and nothing else of it", async (t) => {
  t.equal(
    withoutCredentials("fatal: unable to access 'https://bob:x@host/a.git/': 403 (ssh://u:pw@h), ask a@b.c"),
    "fatal: unable to access 'https://host/a.git/': 403 (ssh://u@h), ask a@b.c",
  );
  const plain = 'see "https://host","a@b", <https://host:80> or https://host is down, says bob@example.com';
  t.equal(withoutCredentials(plain), plain);
});

/** The marks make a survivor recognizable. */
const secretOf = (more: string) =>
  fc
    .string({ unit: fc.constantFrom(..."ab0.-_~!$&'()*+,;=:%[]{}|^\\é", ...more), maxLength: 12 })
    .map((text) => `S3${text}cr3t`);
/** What is encoded by rights, and written as it is: `@`, or what ends a host (both at once nobody can tell apart). */
const secret = fc.oneof(secretOf("@"), secretOf("/?#"));
const scheme = fc.constantFrom("https", "http", "HTTPS", "git+https", "ssh", "git", "ftp", "svn+ssh");
const host = fc.constantFrom("example.com", "example.com:8443", "[2001:db8::1]:22", "localhost");

t.test("no secret survives: in a remote, an error, a log line, wherever the URL stands", async (t) => {
  const lines: string[] = [];
  const logger = createLogger("test", "info", { write: (line) => void lines.push(line) });
  fc.assert(
    fc.property(scheme, fc.constantFrom("bob", "", "x-token"), secret, host, (name, user, password, at) => {
      const url = `${name}://${user}:${password}@${at}/me/app.git?x=1`;
      const error = new TreewireError("TW_CORRUPT_REPOSITORY", url, { detail: `it names ${url}` });
      lines.length = 0;
      logger.warn({ url, err: new Error(`no ${url}`), nested: { url } }, `of ${url}`);
      const outputs = [
        remoteWithoutCredentials(url),
        withoutCredentials(`the remote ${url} is away`),
        error.message,
        error.subject,
        messageOf(new Error(`\n${url}\n`)),
        ...lines,
      ];
      for (const output of outputs) {
        if (/S3|cr3t/.test(output)) throw new Error(`${url} is told as ${output}`);
      }
      JSON.parse(lines[0] ?? "");
      return outputs[0] === withoutCredentials(outputs[0] ?? "");
    }),
    { numRuns: 2_000 },
  );
  t.pass();
});

t.test("texts without credentials come out as they were", async (t) => {
  const word = fc.constantFrom(
    ..."https://host https://host:80/a@b ssh://git@host/x git@host:x/y.git a@b.c ://@ :// @ x:y@z file:///a:b@c '".split(
      " ",
    ),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 12 }), (words) => withoutCredentials(words.join(" ")) === words.join(" ")),
  );
  t.pass();
});

t.test("a token alone before the host of an http URL is a secret too", async (t) => {
  fc.assert(
    fc.property(secret, host, (token, at) => {
      const encoded = token.replace(/[/?#]/g, "_"); // behind a slash it is a path
      return !remoteWithoutCredentials(`https://${encoded}@${at}/x`).includes("S3");
    }),
  );
  t.pass();
});
