import t from "tap";
import { removedEntries } from "../../../../src/relay/hub/encoding/removed-entries.js";

t.test("a tree that is gone says so alone", (t) => {
  const { json } = removedEntries(["/home/me/app"]);
  t.same(JSON.parse(json), { repo_root: "/home/me/app", branch: "", unified_diff: "", removed: true });
  t.end();
});

t.test("their bytes are those of the JSON with a comma behind each, whatever their names are", (t) => {
  const roots = ["/a", "/ä", "/\u4e2d", '/"quoted"', "/\n"];
  const { json, bytes } = removedEntries(roots);
  const entries: { repo_root: string }[] = JSON.parse(`[${json}]`);
  t.same(
    entries.map(({ repo_root: root }) => root),
    roots,
  );
  t.equal(bytes, Buffer.byteLength(`${json},`));
  t.same(removedEntries([]), { json: "", bytes: 0 });
  t.end();
});

t.test("a list is made JSON once, however often it is measured and sent", (t) => {
  const roots = Array.from({ length: 1_000 }, (_, at) => `/work/${at}`);
  const { stringify } = JSON;
  let made = 0;
  t.teardown(() => {
    JSON.stringify = stringify;
  });
  JSON.stringify = ((value: unknown) => {
    made += 1;
    return stringify(value);
  }) as typeof JSON.stringify;
  const entries = removedEntries(roots);
  t.equal(removedEntries(roots), entries);
  t.equal(made, 1_000);
  t.end();
});
