import type { FastifyInstance, FastifyRequest } from "fastify";
import { REFUSALS, type Refusal } from "../answers.js";

interface KnownPath {
  pattern: RegExp;
  methods: Set<string>;
}

/** Which methods each path has a route for, so that another one is answered with 405 and not as if nothing were there. */
export class AllowedMethods {
  readonly #paths = new Map<string, KnownPath>();

  /** @param http the routes that it is given from here on are known */
  constructor(http: Pick<FastifyInstance, "addHook">) {
    http.addHook("onRoute", ({ url, method }) => {
      const known = this.#paths.get(url) ?? { pattern: patternOf(url), methods: new Set() };
      this.#paths.set(url, known);
      for (const each of [method].flat()) known.methods.add(each);
    });
  }

  /**
   * What a request is refused with whose method its path does not have, or whose path there is not.
   *
   * @param request `url`: its path, and what stands behind `?`; `is404`: no route was found for it
   * @returns `undefined` when there is nothing to refuse
   */
  refusal({ url, method, is404 }: Pick<FastifyRequest, "url" | "method" | "is404">): Refusal | undefined {
    const path = (url.split("?", 1)[0] ?? "").replace(/(?<=.)\/$/, "");
    // a path that is spelled out is that path, although `/chats/:chat` would take its other methods
    const exact = this.#paths.get(path);
    if (exact !== undefined) return exact.methods.has(method) ? undefined : notAllowed(exact.methods);
    if (!is404) return undefined;
    const methods = new Set<string>();
    for (const known of this.#paths.values()) {
      if (known.pattern.test(path)) for (const each of known.methods) methods.add(each);
    }
    return methods.size === 0 ? REFUSALS.noSuchRoute : notAllowed(methods);
  }
}

function notAllowed(methods: ReadonlySet<string>): Refusal {
  return { ...REFUSALS.methodNotAllowed, headers: { Allow: [...methods].sort().join(", ") } };
}

/** The paths that a route stands for: `:name` is one segment, `*` is whatever follows. */
function patternOf(url: string): RegExp {
  const parts = url.split("/").map((part) => {
    if (part === "*") return ".*";
    return part.startsWith(":") ? "[^/]+" : part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  });
  return new RegExp(`^${parts.join("/")}$`);
}
