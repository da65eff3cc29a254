import type { Oid } from "../objects/object-id.js";

/** What HEAD points to. */
export interface Head {
  /** Short branch name, of an unborn branch too; "" when detached. */
  branch: string;
  /** `undefined`: the branch is unborn. */
  commit: Oid | undefined;
  /** The commit's tree; the empty tree's id when unborn. */
  tree: Oid;
}
