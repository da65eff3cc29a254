import { readFileSync } from "node:fs";
import t from "tap";
import {
  describeError,
  ERROR_CODES,
  isSystemError,
  messageOf,
  systemCode,
  TreewireError,
} from "../../src/util/index.js";

const docs = readFileSync(new URL("../../../docs/errors.md", import.meta.url), "utf8");

t.test("docs/errors.md lists every code of the registry, and no other, in its words", async (t) => {
  const documented = [...docs.matchAll(/^\| `(TW_\w+)` *\| (\d+) *\| (.*?) *\| (.*?) *\|$/gm)].map(
    ([, code, status, what, advice]) => ({ code, exitStatus: Number(status), what, advice }),
  );
  const registered = ERROR_CODES.map((code) => {
    const { exitStatus, what, advice } = describeError(code);
    return { code, exitStatus, what, advice };
  });
  t.same(documented, registered);
});

t.test("an error is one line that says what, to what, and what to do", async (t) => {
  const error = new TreewireError("TW_PATH_NOT_FOUND", "/no\nwhere", { detail: "stat\r\n said so" });
  t.equal(error.message, "/no where: no such file or directory (stat said so); check the path");
  t.equal(error.exitStatus, 2);
});

t.test("whatever was thrown has a message and perhaps a system code", async (t) => {
  t.equal(messageOf(new Error("a\n b")), "a b");
  t.equal(messageOf("text"), "text");
  t.equal(messageOf(null), "null");
  t.equal(systemCode(Object.assign(new Error(), { code: "ENOENT" })), "ENOENT");
  t.equal(systemCode({ code: 5 }), undefined);
  t.equal(systemCode(undefined), undefined);
  try {
    readFileSync("/nowhere/x");
    t.fail("there is no such file");
  } catch (error) {
    t.ok(isSystemError(error));
  }
  for (const thrown of [new TypeError("x"), "ENOENT", Object.assign(new Error(), { code: "ERR_INVALID_ARG_TYPE" })]) {
    t.notOk(isSystemError(thrown));
  }
});
