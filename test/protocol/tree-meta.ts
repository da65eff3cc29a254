/** What is said of a tree beside its files, as an agent says it. */
export const META = {
  head: "",
  branch: "main",
  remote_origin: "",
  scanned_at: "2026-03-05T10:11:12.345Z",
  health: "",
  too_large_bytes: 0,
};
