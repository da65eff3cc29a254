import type { Oid } from "../objects/object-id.js";
/** What HEAD points to. */
export interface Head {
  /** Short branch name; "" when detached. Set for an unborn branch too. */
  branch: string;
  /** `undefined`: unborn. */
  commit: Oid | undefined;
  /** The commit's tree; the empty tree's id when unborn. */
  tree: Oid;
}
