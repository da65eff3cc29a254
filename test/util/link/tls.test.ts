import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import t from "tap";
import { AddressBook, type DialFailure, type DialOptions, dialWebSocket } from "../../../src/util/link/index.js";
import { makeCertificates, tlsFront, withoutOpenssl } from "../../support/certificates.js";
import { FakeRelay } from "../../support/fake-relay.js";
import type { Cleanup } from "../../support/temp.js";

const PROTOCOL = "treewire.tunnel.v1";

/** @returns the failure, or "open" */
function attempt(t: Cleanup, url: string, options: Partial<DialOptions> = {}): Promise<DialFailure | "open"> {
  return new Promise((resolve) => {
    const dialled = { headers: {}, limitMs: 60_000, onFailure: resolve, ...options };
    const socket = dialWebSocket(new URL(`${url}/treewire/tunnel`), PROTOCOL, dialled);
    t.teardown(() => socket.terminate());
    socket.once("open", () => resolve("open"));
  });
}

/** What `openssl ca` needs, which alone signs for a time of one's choice. @returns the path */
function caConfig(dir: string): string {
  const path = join(dir, "ca.cnf");
  writeFileSync(join(dir, "index.txt"), "");
  const section = [
    "database = index.txt",
    "new_certs_dir = .",
    "policy = any",
    "default_md = sha256",
    "rand_serial = yes",
  ];
  const lines = ["[ca]", "default_ca = own", "[own]", ...section, "[any]", "commonName = supplied"];
  writeFileSync(path, `${lines.join("\n")}\n`);
  return path;
}

t.test("certificates", { skip: withoutOpenssl }, async (t) => {
  const certificates = makeCertificates(t);
  const ca = readFileSync(certificates.ca, "utf8");
  const relay = await FakeRelay.start(t);
  const relayPort = Number(new URL(relay.url).port);
  const at = (port: number) => `wss://127.0.0.1:${port}`;
  const front = at(await tlsFront(t, relayPort, certificates));

  t.test("one that is in order is taken, for a name as for an address", async (t) => {
    t.equal(await attempt(t, front, { ca }), "open");
    const book = new AddressBook({ lookup: async () => [{ address: "127.0.0.1", family: 4 }] });
    t.equal(await attempt(t, front.replace("127.0.0.1", "localhost"), { ca, book }), "open");
  });

  t.test("one of an unknown authority says what to do", async (t) => {
    t.match(await attempt(t, front), {
      step: "tls",
      kind: "untrusted",
      isFinal: false,
      why: /: the certificate's authority is not known here: name it with ca-file \(SELF_SIGNED_CERT_IN_CHAIN\)$/,
    });
  });

  t.test("one for another host names the hosts that it is for", async (t) => {
    const book = new AddressBook({ lookup: async () => [{ address: "127.0.0.1", family: 4 }] });
    t.match(await attempt(t, front.replace("127.0.0.1", "relay.test"), { ca, book }), {
      step: "tls",
      kind: "untrusted",
      why: /the certificate is for another host: .*relay\.test.*DNS:localhost.*\(ERR_TLS_CERT_ALTNAME_INVALID\)/,
    });
  });

  t.test("one that has expired, and one that does not count yet, are told apart", async (t) => {
    const dir = dirname(certificates.ca);
    const serving = async (name: string, from: string, to: string) => {
      const file = (end: string) => join(dir, `${name}.${end}`);
      const openssl = (...args: string[]) => execFileSync("openssl", args, { stdio: "pipe", cwd: dir });
      const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", file("key")];
      openssl("req", ...key, "-out", file("csr"), "-subj", "/CN=server");
      openssl(
        ...["ca", "-batch", "-selfsign", "-keyfile", file("key"), "-in", file("csr"), "-out", file("pem")],
        ...["-startdate", from, "-enddate", to, "-config", caConfig(dir)],
      );
      const server = createHttpsServer({ key: readFileSync(file("key")), cert: readFileSync(file("pem")) });
      server.on("tlsClientError", () => {});
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      t.teardown(() => server.close());
      return attempt(t, at((server.address() as AddressInfo).port), { ca: readFileSync(file("pem"), "utf8") });
    };
    t.match(await serving("old", "20000101000000Z", "20010101000000Z"), {
      kind: "untrusted",
      why: /the certificate has expired, or this machine's clock is ahead \(CERT_HAS_EXPIRED\)$/,
    });
    t.match(await serving("new", "21000101000000Z", "21010101000000Z"), {
      kind: "untrusted",
      why: /the certificate is not valid yet, or this machine's clock is behind \(CERT_NOT_YET_VALID\)$/,
    });
  });

  t.test("a relay that wants a certificate says so, and gets it", async (t) => {
    const strict = at(await tlsFront(t, relayPort, certificates, { requestCert: true }));
    t.match(await attempt(t, strict, { ca }), {
      step: "tls",
      kind: "unreachable",
      why: /wants a client certificate that it trusts: see cert-file and key-file \(ERR_SSL_/,
    });
    const { cert, key } = certificates.client;
    const own = { cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8") };
    t.equal(await attempt(t, strict, { ca, ...own }), "open");
  });

  t.test("files that hold no certificate are named as ours", async (t) => {
    t.match(await attempt(t, front, { ca, cert: "nonsense", key: "nonsense" }), { step: "tls", kind: "files" });
  });

  t.test("a server that does not speak TLS is named as such", async (t) => {
    t.match(await attempt(t, at(relayPort), { ca }), {
      step: "tls",
      kind: "nonsense",
      why: /^127\.0\.0\.1:\d+ does not speak TLS \(ERR_SSL_/,
    });
  });
});
