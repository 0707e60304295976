import { expect, test } from "vitest";
import { beganOf, today } from "../src/today";
import type { Summary } from "../src/types";

const BEGAN = beganOf({ since: "2026-11-22T00:00:00.000000Z", items: [{ symbol: "A", result_usdt: "-2.5" }, { symbol: "B", result_usdt: "0" }] });

function summary(symbol: string, more: Partial<Summary["pnl"]> = {}, position = "1", at = "2026-11-22T09:00:00.000000Z") {
  return { symbol, at, owner_silent_ms: null as number | null, position, pnl: { total: "1.10", baseline: "-4", unrealized: "0.1", ...more } as Summary["pnl"] };
}

test("today's result counts from the day's beginning, and the baseline changes nothing in it", () => {
  expect(today(summary("A"), BEGAN)).toBe("-0.40");
  expect(today(summary("A", { total: "0", baseline: "-2.90" }), BEGAN)).toBe("-0.40");
  expect(today(summary("B"), BEGAN)).toBe("-2.90");
});

test("what is not known is never shown as a number", () => {
  expect(today(summary("A"), null)).toBeNull();
  expect(today(summary("NEW"), BEGAN)).toBeNull();
  expect(today(null, BEGAN)).toBeNull();
  expect(today({ ...summary("A"), owner_silent_ms: 3_000 }, BEGAN)).toBeNull();
  expect(today(summary("A", { unrealized: null }), BEGAN)).toBeNull();
  expect(today(summary("A", { unrealized: null }, "0"), BEGAN)).toBe("-0.40");
});

test("after midnight yesterday's beginning is not taken for today's", () => {
  expect(today(summary("A", {}, "1", "2026-11-23T00:00:01.000000Z"), BEGAN)).toBeNull();
  expect(today(summary("A", {}, "1", "2026-11-21T23:59:59.000000Z"), BEGAN)).toBe("-0.40");
});
