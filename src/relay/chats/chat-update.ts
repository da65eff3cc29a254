import { z } from "zod";

/** As Coder's server has them. */
const MAX_TITLE_UNITS = 200;
const MAX_LABELS = 50;
const MAX_LABEL_NAME_UNITS = 64;
const MAX_LABEL_UNITS = 256;

const labelName = z
  .string()
  .max(MAX_LABEL_NAME_UNITS)
  .regex(/^[a-zA-Z0-9][a-zA-Z0-9._/-]*$/, "a name has letters, digits, and `._/-` behind the first of them");

/**
 * What of a chat its owner may change. Whatever else is sent is refused by its name: a client that is answered with success
 * may rely on it that nothing of what it sent was dropped.
 */
export const chatUpdateSchema = z.strictObject({
  title: z.string().trim().min(1).max(MAX_TITLE_UNITS).exactOptional(),
  /** All of them: those that are not named go. */
  labels: z
    .record(labelName, z.string().min(1).max(MAX_LABEL_UNITS))
    .refine((labels) => Object.keys(labels).length <= MAX_LABELS, `at most ${MAX_LABELS}`)
    .exactOptional(),
  archived: z.boolean().exactOptional(),
});

export type ChatUpdate = z.infer<typeof chatUpdateSchema>;
