import { Gauge, type Registry } from "prom-client";
import type { Uploads } from "./access/index.js";
import type { Failures } from "./failures.js";
import type { LimitOptions } from "./limit-options.js";
import type { Store } from "./store/index.js";

/**
 * What files and uploads use up, each asked for when a scrape comes. docs/operating.md lists the names. What the store does not
 * answer is left out: the other metrics are wanted most when it is in trouble.
 */
export function observeFiles(
  registry: Registry,
  {
    store,
    uploads,
    failures,
    limits,
  }: {
    store: Pick<Store, "files">;
    uploads: Uploads;
    failures: Pick<Failures, "note">;
    limits: Pick<LimitOptions, "ownerFileBytes">;
  },
): void {
  const gauge = (name: string, help: string, read: () => number | Promise<number>) =>
    new Gauge({
      name: `treewire_${name}`,
      help,
      registers: [registry],
      async collect() {
        this.remove();
        try {
          this.set(await read());
        } catch (thrown) {
          failures.note(thrown, "a metric could not be read");
        }
      },
    });
  gauge("uploads", "Uploads under way", () => uploads.underWay);
  gauge("file_bytes", "Bytes of chat files, as budgets count them", async () => (await store.files.totals()).bytes);
  gauge(
    "file_quota_used_ratio",
    "How much of their budget the files of the owner with the most use",
    async () => (await store.files.totals()).ofLargestOwner / limits.ownerFileBytes,
  );
  gauge("free_bytes", "Bytes that are free on the file system of the data directory", () => store.files.freeBytes());
}
