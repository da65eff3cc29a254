import t from "tap";
import { coverageText } from "../../../src/worktree/follow/health.js";

const COVERED = { eventless: undefined, isUnwatched: false, refusals: [undefined, undefined], unwatchedLinks: 0 };

t.test("a tree with events everywhere is not polled", async (t) => {
  t.equal(coverageText(COVERED, 1000), "");
});

t.test("every reason for which a tree is polled is named, and how often it is", async (t) => {
  const texts = {
    nfs: "NFS does not report changes",
    limit: "the limit of file watches is reached (ENOSPC), raise fs.inotify.max_user_watches",
    bound: "settings are spread over more than 1000 directories",
    links: "too many files with several names (hard links) to be watched",
  };
  t.equal(coverageText({ ...COVERED, eventless: "NFS" }, 1001), `polled every 2 s: ${texts.nfs}`);
  t.equal(coverageText({ ...COVERED, refusals: [undefined, "ENOSPC"] }, 1000), `polled every 1 s: ${texts.limit}`);
  t.equal(coverageText({ ...COVERED, refusals: ["bound"] }, 1000), `polled every 1 s: ${texts.bound}`);
  t.equal(coverageText({ ...COVERED, unwatchedLinks: 1 }, 1000), `polled every 1 s: ${texts.links}`);
  const unwatched = "nothing is watched, as the agent's setting `watcher` has it";
  t.equal(coverageText({ ...COVERED, isUnwatched: true }, 1000), `polled every 1 s: ${unwatched}`);
  const failed = coverageText({ ...COVERED, refusals: ["Unable to poll"] }, 1000);
  t.equal(failed, "polled every 1 s: the watcher has failed (Unable to poll)");
  const all = { ...COVERED, eventless: "NFS", refusals: ["bound", "ENOSPC"], unwatchedLinks: 2 };
  t.equal(coverageText(all, 1000), `polled every 1 s: ${Object.values(texts).join("; ")}`);
});
