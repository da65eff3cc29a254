import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect } from "node:net";
import { join } from "node:path";
import { createServer } from "node:tls";
import { type Cleanup, tempDir } from "./temp.js";

/** Why no certificates can be made here; `false` when they can. */
export const withoutOpenssl: string | false = !existsSync("/usr/bin/openssl") && "openssl is not here";

export interface Certificates {
  /** Paths of PEM files: the authority's certificate, and a certificate with its key for `127.0.0.1` and for a client. */
  ca: string;
  server: { cert: string; key: string };
  client: { cert: string; key: string };
}

/** Makes an authority of the test's own. */
export function makeCertificates(t: Cleanup): Certificates {
  const dir = tempDir(t);
  const at = (name: string) => join(dir, name);
  const openssl = (...args: string[]) => execFileSync("openssl", args, { stdio: "pipe" });
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  openssl(
    "req",
    "-x509",
    ...newKey,
    "-keyout",
    at("ca.key"),
    "-out",
    at("ca.pem"),
    "-days",
    "2",
    "-subj",
    "/CN=test authority",
  );
  const issue = (name: string) => {
    openssl("req", ...newKey, "-keyout", at(`${name}.key`), "-out", at(`${name}.csr`), "-subj", `/CN=${name}`);
    writeFileSync(at(`${name}.ext`), "subjectAltName=IP:127.0.0.1,DNS:localhost\n");
    const signed = ["-in", at(`${name}.csr`), "-CA", at("ca.pem"), "-CAkey", at("ca.key"), "-CAcreateserial"];
    openssl("x509", "-req", ...signed, "-extfile", at(`${name}.ext`), "-days", "2", "-out", at(`${name}.pem`));
    return { cert: at(`${name}.pem`), key: at(`${name}.key`) };
  };
  return { ca: at("ca.pem"), server: issue("server"), client: issue("client") };
}

/** Takes TLS from in front of a port on this machine, as a reverse proxy does. @returns the port where it listens */
export async function tlsFront(
  t: Cleanup,
  target: number,
  { ca, server: { cert, key } }: Certificates,
  options: { requestCert?: boolean } = {},
): Promise<number> {
  const sockets = new Set<{ destroy(): unknown }>();
  const { requestCert = false } = options;
  const server = createServer(
    {
      cert: readFileSync(cert),
      key: readFileSync(key),
      ca: readFileSync(ca),
      requestCert,
      rejectUnauthorized: requestCert,
    },
    (near) => {
      const far = connect(target, "127.0.0.1");
      sockets.add(near).add(far);
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        one.on("error", () => other.destroy());
        one.on("close", () => other.destroy());
      }
      near.pipe(far).pipe(near);
    },
  );
  server.on("tlsClientError", () => {}); // the client is told
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}
