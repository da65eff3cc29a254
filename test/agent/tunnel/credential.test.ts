import { mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { afterRejection, isCredential } from "../../../src/agent/tunnel/credential.js";
import { TreewireError } from "../../../src/util/index.js";
import { type Cleanup, tempDir } from "../../support/temp.js";

/** The directories that systemd gives a service, and the token that it hands over. */
function service(t: Cleanup) {
  const dir = tempDir(t);
  const [credentials, runtime] = [join(dir, "credentials"), join(dir, "run")];
  for (const one of [credentials, runtime]) mkdirSync(one);
  const env = { CREDENTIALS_DIRECTORY: credentials, RUNTIME_DIRECTORY: runtime };
  return { env, runtime, token: join(credentials, "token") };
}

const rejected = new TreewireError("TW_TOKEN_REJECTED", "relay.example");

t.test("a file below the directory of credentials is one, any other is not", async (t) => {
  const env = { CREDENTIALS_DIRECTORY: "/run/credentials/agent" };
  t.ok(isCredential("/run/credentials/agent/token", env));
  t.notOk(isCredential("/run/credentials/agent2/token", env));
  t.notOk(isCredential("/run/credentials/agent/../token", env));
  t.notOk(isCredential("/etc/token", {}));
  t.notOk(isCredential("/etc/token", { CREDENTIALS_DIRECTORY: "" }));
});

t.test("a token that systemd handed over is worth one restart when it is rejected", async (t) => {
  const { env, runtime, token } = service(t);
  t.match(afterRejection(rejected, token, "old", env), { code: "TW_TOKEN_OUTDATED", subject: "relay.example" });
  t.equal(afterRejection(rejected, token, "old", env), rejected, "the same one again is not");
  t.match(afterRejection(rejected, token, "new", env), { code: "TW_TOKEN_OUTDATED" }, "another one is");
  const memory = join(runtime, "rejected-token");
  t.notMatch(readFileSync(memory, "utf8"), "new", "the token itself is not written");
  t.equal(statSync(memory).mode & 0o777, 0o600);
});

t.test("a token from another file, or without a runtime directory, is rejected for good", async (t) => {
  const { env, token } = service(t);
  t.equal(afterRejection(rejected, "/etc/token", "old", env), rejected);
  t.equal(afterRejection(rejected, token, "old", { ...env, RUNTIME_DIRECTORY: "" }), rejected);
});
