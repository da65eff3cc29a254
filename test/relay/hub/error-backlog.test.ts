import t from "tap";
import { ErrorBacklog, MAX_WAITING_ERROR_UNITS, MAX_WAITING_ERRORS } from "../../../src/relay/hub/error-backlog.js";

t.test("errors come out in the order in which they came in", (t) => {
  const backlog = new ErrorBacklog();
  backlog.add("one");
  backlog.add("two");
  t.equal(backlog.size, 2);
  t.same(backlog.shift(), { message: "one", answers: [] });
  backlog.add("three", ["a refresh"]);
  t.same(
    [backlog.shift(), backlog.shift(), backlog.shift()],
    [{ message: "two", answers: [] }, { message: "three", answers: ["a refresh"] }, undefined],
  );
  t.equal(backlog.size, 0);
  t.end();
});

t.test("beyond so many errors, or so much text, what comes is dropped until there is room", (t) => {
  const many = new ErrorBacklog();
  for (let count = 0; count < MAX_WAITING_ERRORS + 5; count += 1) many.add("");
  t.equal(many.size, MAX_WAITING_ERRORS);
  many.shift();
  many.add("again");
  t.equal(many.size, MAX_WAITING_ERRORS);

  const long = new ErrorBacklog();
  long.add("x".repeat(MAX_WAITING_ERROR_UNITS));
  long.add("too much");
  t.equal(long.size, 1);
  long.addAlways("of a list that is bounded elsewhere");
  t.equal(long.size, 2);
  long.shift();
  long.add("again");
  t.equal(long.size, 2);
  t.end();
});
