import t from "tap";
import { bearer, bringsCookie, maskToken, readCredentials } from "../../../src/relay/access/credentials.js";
import type { Calling } from "../../../src/relay/access/index.js";
import { REFUSALS } from "../../../src/relay/answers.js";

function callingOf(headers: Calling["headers"], more: Partial<Calling> & { search?: string } = {}): Calling {
  const { search = "", ...rest } = more;
  return { method: "GET", headers, query: new URLSearchParams(search), host: "relay.test", isUpgrade: false, ...rest };
}

t.test("the first token counts: header, bearer, cookie, query", (t) => {
  const header = { "coder-session-token": "H" };
  const authorization = { authorization: "Bearer B" };
  const cookie = { cookie: "x=1; coder_session_token=C" };
  const search = "coder_session_token=Q";
  const read = (headers: Calling["headers"], query = search) =>
    readCredentials(callingOf(headers, { search: query }), []);
  t.same(read({ ...header, ...authorization, ...cookie }), { ok: "H" });
  t.same(read({ ...authorization, ...cookie }), { ok: "B" });
  t.same(read(cookie), { ok: "C" });
  t.same(read({}), { ok: "Q" });
  t.same(read({}, ""), { refusal: REFUSALS.signedOut });
  t.same(read({ "coder-session-token": ["H", "other"] }), { ok: "H" });
  t.end();
});

t.test("a cookie counts on an upgrade only from a page of this host, of an allowed origin, or from no page", (t) => {
  const cookie = "coder_session_token=C";
  const upgrade = (origin: string | undefined, host = "relay.test") =>
    readCredentials(callingOf({ cookie, ...(origin !== undefined && { origin }) }, { isUpgrade: true, host }), [
      "https://chat.example.com",
    ]);
  for (const origin of [undefined, "https://relay.test", "http://relay.test", "https://chat.example.com"]) {
    t.same(upgrade(origin), { ok: "C" }, String(origin));
  }
  t.same(upgrade("https://relay.test:443"), { ok: "C" }, "the scheme's own port");
  for (const origin of ["https://evil.test", "null", "", "https://relay.test:8443", "https://chat.example.com.evil"]) {
    t.same(upgrade(origin), { refusal: REFUSALS.forbidden }, origin);
  }
  t.end();
});

t.test("a request that changes something needs the cookie's token where a foreign page cannot put it", (t) => {
  const headers = { cookie: "coder_session_token=C" };
  const post = (search: string) => readCredentials(callingOf(headers, { method: "POST", search }), []);
  t.same(post(""), { refusal: REFUSALS.signedOut });
  t.same(post("coder_session_token=other"), { refusal: REFUSALS.signedOut });
  t.same(post("coder_session_token=C"), { ok: "C" });
  t.same(readCredentials(callingOf(headers, { method: "HEAD" }), []), { ok: "C" });
  t.end();
});

t.test("the bearer scheme is one word of any case, and one token", (t) => {
  t.equal(bearer({ authorization: "bearer   abc" }), "abc");
  for (const authorization of ["Basic abc", "Bearer", "Bearer a b", ""]) t.equal(bearer({ authorization }), undefined);
  t.ok(bringsCookie({ cookie: "coder_session_token=C" }, "relay.example.com"));
  t.notOk(bringsCookie({ cookie: "other=C" }, "relay.example.com"));
  t.end();
});

t.test("a URL for logs holds no token, however it is written", (t) => {
  const token = `twc_${"0".repeat(16)}_secret-Text`;
  const rows: [string, string][] = [
    ["/chats/1?coder_session_token=abc&x=1", "/chats/1?coder_session_token=***&x=1"],
    ["/chats/1?x=1&CODER_SESSION_TOKEN=abc", "/chats/1?x=1&CODER_SESSION_TOKEN=***"],
    ["/chats/1?coder%5Fsession_token=abc", "/chats/1?coder%5Fsession_token=***"],
    ["/chats/1?a=1?coder_session_token=abc", "/chats/1?a=1?coder_session_token=***"],
    [`/chats/${token}?q=${token}`, "/chats/***?q=***"],
    ["/chats/1?x=1", "/chats/1?x=1"],
  ];
  for (const [url, masked] of rows) t.equal(maskToken(url), masked);
  t.end();
});
