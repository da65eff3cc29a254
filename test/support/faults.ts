import type { BadLink, Intervention, Fault as LinkFault } from "./bad-network.js";
import { FaultyWorld } from "./faulty-world.js";
import type { Random } from "./random.js";
import { until } from "./until.js";

/** One kind of what can happen to the programs or to what lies between them. */
export interface FaultKind {
  /** Lets it happen. @returns ends it */
  begin(world: FaultyWorld, random: Random): Promise<() => unknown>;
  /** Viewers have to be right while it lasts, not only after it. */
  isBorne?: true;
  /** It is over only when somebody has waited for as long as a link may be silent, or a step of connecting may take. */
  isSlow?: true;
  /** Why it can't be tried on this machine. */
  refusal?: string | false;
}

/** Does something to the agent's link, to that of the viewers, or to both. */
function onLinks(random: Random, world: FaultyWorld, harm: (link: BadLink) => void): () => void {
  const links = random.pick(sidesOf(world)).flat();
  for (const link of links) harm(link);
  return () => {
    for (const link of links) link.heal();
  };
}

/** The links that may fail together: the agent's, which has two addresses, the viewers', and both. */
const sidesOf = ({ agentLink, secondLink, viewerLink }: FaultyWorld): BadLink[][][] => [
  [[agentLink, secondLink]],
  [[viewerLink]],
  [[agentLink, secondLink], [viewerLink]],
];

/** Cuts what there is, and takes part in every new connection. Whoever is at the other end has to have come to that. */
function intervenes(intervention: Intervention, more: Partial<FaultKind> = {}): FaultKind {
  return {
    begin: async (world, random) => {
      const sides = random.pick(sidesOf(world));
      const counts = () => sides.map((links) => links.reduce((sum, link) => sum + link.intervened, 0));
      const before = counts();
      for (const link of sides.flat()) link.intervene(intervention, { cut: true });
      await until("somebody comes to whoever is in between", () =>
        counts().every((now, at) => now > (before[at] ?? 0)),
      );
      return () => {
        for (const link of sides.flat()) link.heal();
      };
    },
    ...more,
  };
}

const fails = (fault: LinkFault, more: Partial<FaultKind> = {}): FaultKind => ({
  begin: async (world, random) => onLinks(random, world, (link) => link.fail(fault)),
  ...more,
});

/** A proxy that answers a request by itself. @param head its status line, and headers of its own */
function proxy(head: string, body = "<html><body><h1>A proxy's page</h1></body></html>\n"): FaultKind {
  const headers = `content-type: text/html\r\ncontent-length: ${body.length}\r\nconnection: close`;
  const text = `HTTP/1.1 ${head}\r\n${headers}\r\n\r\n${body}`;
  return intervenes({ answer: (near) => near.once("data", () => near.end(text)) });
}

/** A proxy that does not hand a header on, in either direction. */
function strips(header: string, more: Partial<FaultKind> = {}): FaultKind {
  const lines = new RegExp(`^${header}:.*\r\n`, "gim");
  return intervenes({ alter: (head) => head.replace(lines, "") }, more);
}

/** The relay's name has two addresses; one of them is of no use. */
const oneAddress = (harm: (link: BadLink) => Promise<() => unknown>, more: Partial<FaultKind> = {}): FaultKind => ({
  begin: (world, random) => harm(random.pick([world.agentLink, world.secondLink])),
  isBorne: true,
  refusal: !FaultyWorld.hasTwoAddresses && "a name with two addresses takes root",
  ...more,
});

const silent = (): void => {};

/** Every kind by its name. `FAULTS=proxy-403,slow-link` in the environment draws from these alone. */
export const FAULT_KINDS: Record<string, FaultKind> = {
  cut: fails("cut"),
  reset: fails("reset"),
  refuse: fails("refuse"),
  stall: fails("stall"),
  trickle: fails("slow"),
  truncate: fails("truncate"),
  "half-open": fails("halfOpen", { isSlow: true }),
  "slow-link": {
    begin: async (world, random) => {
      const pace = { bytesPerSecond: 16 * 1024 + random.below(64 * 1024), delayMs: random.below(300) };
      return onLinks(random, world, (link) => link.intervene({ pace }, { cut: random.chance(0.3) }));
    },
    isBorne: true,
  },
  "proxy-401": proxy("401 Unauthorized\r\nwww-authenticate: Basic realm=proxy"),
  "proxy-403": proxy("403 Forbidden"),
  "proxy-404": proxy("404 Not Found"),
  "proxy-html": proxy("200 OK"),
  "proxy-301": proxy("301 Moved Permanently\r\nlocation: https://portal.example.com/sign-in"),
  "proxy-502": proxy("502 Bad Gateway\r\nretry-after: 1"),
  "proxy-json": proxy("403 Forbidden", '{"message":"Blocked by policy."}'),
  "proxy-silent": intervenes({ answer: silent }, { isSlow: true }),
  "strip-protocol": strips("sec-websocket-protocol"),
  "strip-extensions": strips("sec-websocket-extensions", { isBorne: true }),
  "address-refuses": oneAddress(async (link) => (await link.shut()).reopen),
  "address-silent": oneAddress(
    async (link) => {
      link.intervene({ answer: silent }, { cut: true });
      return () => link.heal();
    },
    { isSlow: true },
  ),
  "log-unread": {
    begin: async (world) => {
      const { stderr } = world.relay.child;
      stderr?.pause();
      const asked = world.ask(600);
      await asked.catch(() => stderr?.resume());
      await asked;
      return () => stderr?.resume();
    },
    isBorne: true,
  },
  "log-full": {
    begin: async (world) => {
      world.disk?.fill();
      world.agentLink.fail("cut");
      world.secondLink.fail("cut");
      world.agentLink.heal();
      world.secondLink.heal();
      return () => world.disk?.empty();
    },
    isBorne: true,
    refusal: !FaultyWorld.hasTwoAddresses && "a full disk takes root",
  },
  "late-token": { begin: (world) => world.startAgentBeforeItsToken() },
};
