import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { cacheDirectory } from "../../src/util/user-cache.js";
import { tempDir } from "../support/temp.js";

t.test("the cache is where the service or the user has it, and nowhere else", async (t) => {
  const home = tempDir(t);
  const shared = join(home, "shared");
  mkdirSync(shared);
  chmodSync(shared, 0o777);
  const file = join(home, "file");
  writeFileSync(file, "");
  t.equal(cacheDirectory({ HOME: home }), join(home, ".cache/treewire"));
  const missing = join(home, "missing");
  t.equal(cacheDirectory({ HOME: missing, XDG_CACHE_HOME: home }), join(home, "treewire"));
  t.equal(cacheDirectory({ HOME: home, CACHE_DIRECTORY: `${home}:/other` }), home);
  for (const environment of [
    {},
    { HOME: "" },
    { HOME: "." },
    { HOME: missing },
    { HOME: shared },
    { HOME: join(file, "below") }, // ENOTDIR, as EACCES, is nothing that ends a program
    { HOME: home, XDG_CACHE_HOME: shared },
    { HOME: home, CACHE_DIRECTORY: shared },
  ]) {
    t.equal(cacheDirectory(environment), undefined, JSON.stringify(environment));
  }
});
