import t from "tap";
import { Liveness } from "../../../src/util/index.js";

t.test("any byte that comes is life, and silence is none", async (t) => {
  const stream = { bytesRead: 5, bytesWritten: 0, writableLength: 0 };
  const liveness = new Liveness(stream);
  t.notOk(liveness.moved());
  stream.bytesRead += 1;
  t.ok(liveness.moved());
  t.notOk(liveness.moved());
});

t.test("bytes that the system takes at once say nothing of the peer; those that had to wait do", async (t) => {
  const stream = { bytesRead: 0, bytesWritten: 0, writableLength: 0 };
  const liveness = new Liveness(stream);
  stream.bytesWritten = 100;
  t.notOk(liveness.moved(), "a ping into the void");
  Object.assign(stream, { bytesWritten: 1_000, writableLength: 600 });
  t.notOk(liveness.moved());
  t.notOk(liveness.moved(), "nothing of what waits is taken");
  Object.assign(stream, { bytesWritten: 2_000, writableLength: 1_600 });
  t.notOk(liveness.moved(), "more waits, and nothing is taken");
  stream.writableLength = 1_599;
  t.ok(liveness.moved());
});

t.test("a stream that counts nothing shows no life", async (t) => {
  const liveness = new Liveness({ writableLength: 0 });
  t.notOk(liveness.moved());
});
