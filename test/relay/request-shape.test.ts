import t from "tap";
import { ask } from "./support/raw.js";
import { MODES, TestRelay } from "./support/relay.js";

const UPGRADE = [
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  `Sec-WebSocket-Key: ${Buffer.alloc(16).toString("base64")}`,
];

for (const mode of MODES) {
  t.test(`${mode}: a request that names its target in more than one way is refused`, async (t) => {
    const relay = await TestRelay.start(t, { mode });
    await relay.agent([]);
    const chat = `/chats/${relay.chat}`;
    const { host } = new URL(relay.url);
    const token = `Coder-Session-Token: ${relay.clientToken}`;
    const rows: [what: string, target: string, headers: string[]][] = [
      ["absolute form", `http://${host}PATH`, ["Host: relay"]],
      ["absolute form of elsewhere", "http://elsewhere.examplePATH", ["Host: relay"]],
      ["absolute form in capitals", `HTTP://${host}PATH`, [`Host: ${host}`]],
      ["another scheme", "ftp://elsewhere.examplePATH", ["Host: relay"]],
      ["two hosts", "PATH", ["Host: relay", "Host: elsewhere.example"]],
      ["the same host twice", "PATH", ["Host: relay", "host: relay"]],
      ["no host", "PATH", []],
      ["the whole server", "*", ["Host: relay"]],
      ["no slash", "chats", ["Host: relay"]],
    ];
    const before = relay.recorder?.requests.length;
    for (const [what, target, headers] of rows) {
      for (const [kind, path, more] of [
        ["plain", chat, ["Connection: close"]],
        ["open to everybody", "/healthz", ["Connection: close"]],
        ["upgrade", `${chat}/git/watch`, UPGRADE],
      ] as const) {
        const lines = [`GET ${target.replace("PATH", path)} HTTP/1.1`, token, ...headers, ...more];
        const { status } = await ask(t, relay.url, `${lines.join("\r\n")}\r\n\r\n`);
        t.equal(status, 400, `${what}, ${kind}`);
      }
    }
    t.equal(relay.recorder?.requests.length, before, "and an upstream is not even asked");
  });

  t.test(`${mode}: a body whose end could be in two places is refused, and what follows is no request`, async (t) => {
    const relay = await TestRelay.start(t, { mode });
    const before = relay.recorder?.requests.length;
    const smuggled = `GET /chats/${relay.chat} HTTP/1.1\r\nHost: x\r\nCoder-Session-Token: ${relay.clientToken}\r\n\r\n`;
    const rows: [what: string, headers: string, body: string][] = [
      ["a length, then chunks", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"],
      ["chunks, then a length", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"],
      ["two lengths", "Content-Length: 0\r\nContent-Length: 9\r\n", ""],
      ["a list of lengths", "Content-Length: 0, 9\r\n", ""],
      ["a length with a sign", "Content-Length: +0\r\n", ""],
      ["chunks twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"],
      ["chunks that are not last", "Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"],
      ["chunks in a folded line", "Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n"],
      ["a folded line", "X: a\r\n b\r\n", ""],
      ["a space before the colon", "Transfer-Encoding : chunked\r\n", "0\r\n\r\n"],
      ["a tab before the name", "\tTransfer-Encoding: chunked\r\n", "0\r\n\r\n"],
      ["a carriage return alone", "X: a\rTransfer-Encoding: chunked\r\n", ""],
      ["a lone line feed in a chunk", "Transfer-Encoding: chunked\r\n", "0\n\n"],
      ["a chunk of no size", "Transfer-Encoding: chunked\r\n", "x\r\n\r\n"],
    ];
    for (const [what, headers, body] of rows) {
      const head = `POST /chats/${relay.chat}/archive HTTP/1.1\r\nHost: relay\r\n${headers}\r\n`;
      const { text, status } = await ask(t, relay.url, head + body + smuggled);
      t.equal(status, 400, what);
      t.notMatch(text, "owner_id", `${what}: nothing behind it is answered`);
    }
    t.equal(relay.recorder?.requests.length, before, "nor does an upstream hear of it");
  });
}
