import * as z from "zod";

/** The form of an error body (docs/protocol.md, "Routes"). */
export const errorBodySchema = z.object({
  message: z.string(),
  detail: z.string().optional(),
  validations: z.array(z.object({ field: z.string(), detail: z.string() })).optional(),
});
export type ErrorBody = z.infer<typeof errorBodySchema>;
