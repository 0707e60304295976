import { expect, test } from "vitest";
import { duration, fixed, places, short, signed, utcSpan } from "../src/format";

test("a decimal keeps its digits, however many it has, and is rounded half up", () => {
  expect(fixed("60041.2", 2)).toBe("60,041.20");
  expect(fixed("123456789012345678901234567890.125", 2)).toBe("123,456,789,012,345,678,901,234,567,890.13");
  expect(fixed("-0.004", 2)).toBe("0.00");
  expect(fixed("-1.005", 2)).toBe("-1.01");
  expect(fixed("999.999", 2)).toBe("1,000.00");
  expect(fixed(null, 2)).toBe("–");
});

test("a gain carries its sign, so that no colour is needed", () => {
  expect(signed("1.5", 2)).toBe("+1.50");
  expect(signed("-1.5", 2)).toBe("-1.50");
  expect(signed("0", 2)).toBe("0.00");
  expect(signed("0.001", 2)).toBe("0.00");
});

test("prices get the decimals of their tick", () => {
  expect([places("0.01"), places("0.10"), places("1"), places("0.00005000")]).toEqual([2, 1, 0, 5]);
});

test("a duration is said in the words that a person uses", () => {
  expect([duration(300), duration(42_000), duration(300_000), duration(11_520_000), duration(200_000_000)]).toEqual([
    "0.3 s", "42 s", "5 min", "3 h 12 min", "2 d 7 h",
  ]);
});

test("a period says the date of both its ends and the zone", () => {
  expect(utcSpan("2026-11-20T23:36:14.500Z", "2026-11-21T23:36:14.500Z")).toBe("2026-11-20 23:36:14 to 2026-11-21 23:36:14 UTC");
});

test("an amount is short", () => {
  expect([short(182_400), short(12.345), short(2_500_000), short(Number.NaN)]).toEqual(["182 k", "12.35", "2.50 m", "–"]);
});
