import type { ErrorBody } from "../../protocol/index.js";

/** So many names of a body that nobody knows are said. */
const MAX_NAMED = 20;

/** What a schema found, as Fastify hands it on. */
interface Finding {
  keyword: string;
  /** A JSON pointer. */
  instancePath: string;
  params: Record<string, unknown>;
  message?: string;
}

/** What is wrong with a request, for its error body: a field that nobody knows is said by its own name. */
export function validationsOf({ keyword, instancePath, params, message }: Finding): Validation[] {
  const path = instancePath.replace(/^\//, "").replaceAll("/", ".");
  const { keys } = params;
  if (keyword === "unrecognized_keys" && Array.isArray(keys)) {
    const named = keys.slice(0, MAX_NAMED).map(String);
    return named.map((key) => ({ field: path === "" ? key : `${path}.${key}`, detail: "is not known" }));
  }
  return [{ field: path || "body", detail: message ?? "is not valid" }];
}

type Validation = NonNullable<ErrorBody["validations"]>[number];
