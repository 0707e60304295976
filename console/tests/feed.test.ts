import { beforeEach, expect, test } from "vitest";
import { feed, take } from "../src/feed";
import type { Batch, Row } from "../src/hub";

const batch = (more: Partial<Batch>): Batch => ({ rows: [], gone: [], anew: false, link: "connecting", heard: 1, version: "1", glance: null, ...more });

beforeEach(() => {
  feed.rows.clear();
  feed.complete = false;
});

test("that nothing is configured is known only of a stream that has told everything", () => {
  take(batch({ anew: true, link: "connecting" }));
  take(batch({ link: "lost" }));
  take(batch({ anew: true, link: "lost" }));
  take(batch({ anew: true, link: "refused" }));
  expect(feed.complete).toBe(false);
  take(batch({ anew: true, link: "live" }));
  expect(feed.complete).toBe(true);
});

test("a tab that comes while the stream is lost knows what had been told before", () => {
  take(batch({ anew: true, link: "lost", rows: [{ symbol: "A", summary: null, missing: null, heard: 1 } satisfies Row] }));
  expect([feed.complete, [...feed.rows.keys()]]).toEqual([true, ["A"]]);
});
