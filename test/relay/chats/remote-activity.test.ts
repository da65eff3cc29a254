import t from "tap";
import { RemoteActivity } from "../../../src/relay/chats/index.js";
import type { Activity } from "../../../src/relay/exchange/index.js";
import type { TreeCount } from "../../../src/relay/hub/index.js";
import { FakeClock } from "../../support/fake-clock.js";

/** Lists that show what a test says, and agents that are somewhere. */
function start() {
  const clock = new FakeClock();
  const listed = new Map<string, Set<string>>();
  const agents = new Set<string>();
  const counts = new Map<string, readonly TreeCount[]>();
  const asked: string[] = [];
  const changed: string[] = [];
  const activity = async (workspace: string, chats: readonly string[]): Promise<Activity> => {
    asked.push(`${workspace}: ${chats.join(" ")}`);
    if (agents.has("trouble")) throw new Error("no answer");
    return {
      hasAgent: agents.has(workspace),
      counts: new Map(chats.flatMap((chat) => [[chat, counts.get(chat) ?? []] as const])),
    };
  };
  const remote = new RemoteActivity({
    exchange: { activity },
    clock,
    listed: () => listed,
    changed: (workspace) => changed.push(workspace),
  });
  /** A second passes. @returns what was asked, and what has changed */
  const poll = async () => {
    await clock.advance(1_000);
    await remote.poll();
    return { asked: asked.splice(0), changed: changed.splice(0) };
  };
  return { listed, agents, counts, remote, poll };
}

const COUNT = { root: "/a", changedFiles: 1, additions: 3, deletions: 0, scannedAt: 0 };

t.test("what lists show is asked for every few seconds, and what is no longer listed is forgotten", async (t) => {
  const { listed, agents, counts, remote, poll } = start();
  t.same(await poll(), { asked: [], changed: [] });
  for (let second = 0; second < 4; second += 1) await poll();
  listed.set("w", new Set(["a", "b"]));
  t.same(await poll(), { asked: ["w: a b"], changed: [] });
  agents.add("w");
  counts.set("b", [COUNT]);
  for (let second = 0; second < 4; second += 1) t.same(await poll(), { asked: [], changed: [] });
  t.equal(remote.hasAgent("w"), false);
  t.same(await poll(), { asked: ["w: a b"], changed: ["w"] });
  t.same([remote.hasAgent("w"), remote.treeCounts("a"), remote.treeCounts("b")], [true, [], [COUNT]]);
  for (let second = 0; second < 5; second += 1) t.same((await poll()).changed, [], "nothing is new");
  counts.set("b", [{ ...COUNT, additions: 4 }]);
  for (let second = 0; second < 4; second += 1) await poll();
  t.same(await poll(), { asked: ["w: a b"], changed: ["w"] });
  counts.clear();
  agents.clear();
  for (let second = 0; second < 4; second += 1) await poll();
  t.same((await poll()).changed, ["w"]);
  t.same([remote.hasAgent("w"), remote.treeCounts("b")], [false, []]);
  agents.add("w");
  counts.set("b", [COUNT]);
  for (let second = 0; second < 5; second += 1) await poll();
  listed.clear();
  for (let second = 0; second < 5; second += 1) await poll();
  t.same([remote.hasAgent("w"), remote.treeCounts("b")], [false, []]);
});

t.test("an agent that has gone here is not said to be there because it was so a moment ago", async (t) => {
  const { listed, agents, remote, poll } = start();
  listed.set("w", new Set(["a"]));
  agents.add("w");
  await poll();
  t.equal(remote.hasAgent("w"), true);
  remote.forget("w");
  t.equal(remote.hasAgent("w"), false);
  for (let second = 0; second < 4; second += 1) await poll();
  t.same((await poll()).changed, ["w"], "it is somewhere else");
  t.equal(remote.hasAgent("w"), true);
});

t.test("however much is listed, so many questions a second are asked, each once a round", async (t) => {
  const { listed, poll } = start();
  for (let number = 0; number < 750; number += 1) listed.set(`w${number}`, new Set(["a"]));
  const questions: number[] = [];
  const all: string[] = [];
  for (let second = 0; second < 8; second += 1) {
    const { asked } = await poll();
    questions.push(asked.length);
    all.push(...asked);
  }
  t.same(questions, [100, 100, 100, 100, 100, 100, 100, 50]);
  t.equal(new Set(all).size, 750);
  t.equal((await poll()).asked.length, 100, "and the next round begins");
});

t.test("a question that fails is the caller's to note, and is asked again in the next round", async (t) => {
  const { listed, agents, remote, poll } = start();
  listed.set("w", new Set(["a"]));
  agents.add("trouble");
  await t.rejects(poll(), /no answer/);
  agents.delete("trouble");
  agents.add("w");
  for (let second = 0; second < 6; second += 1) await poll();
  t.equal(remote.hasAgent("w"), true);
});
