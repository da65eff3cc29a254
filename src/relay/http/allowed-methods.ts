import type { FastifyInstance } from "fastify";
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

  /** What a request without a route is refused with. @param target its path, and what stands behind `?` */
  refusal(target: string): Refusal {
    const path = target.split("?", 1)[0] ?? "";
    const methods = new Set<string>();
    for (const known of this.#paths.values()) {
      if (known.pattern.test(path)) for (const method of known.methods) methods.add(method);
    }
    if (methods.size === 0) return REFUSALS.noSuchRoute;
    return { ...REFUSALS.methodNotAllowed, headers: { Allow: [...methods].sort().join(", ") } };
  }
}

/** The paths that a route stands for: `:name` is one segment, `*` is whatever follows. */
function patternOf(url: string): RegExp {
  const parts = url.split("/").map((part) => {
    if (part === "*") return ".*";
    return part.startsWith(":") ? "[^/]+" : part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  });
  return new RegExp(`^${parts.join("/")}/?$`);
}
