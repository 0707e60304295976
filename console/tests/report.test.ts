import { expect, test } from "vitest";
import { amount, needed, standing } from "../src/duty";
import { num, sum } from "../src/format";
import { curves, daysOf, isDrawable, isolated, judged, markoutLines, periodOf, stepOf, totals, worst } from "../src/report";
import { may } from "../src/session";
import type { Fill, Obligation, Results, Session } from "../src/types";

const part = (total: string, spread: string, inventory: string, fees: string) => ({ total_usdt: total, spread_usdt: spread, inventory_usdt: inventory, fees_usdt: fees });
const markout = (side: "BUY" | "SELL", level: number | null, usdt: string, notional_usdt: string) => ({ side, level, horizon_ms: 1_000, measured: 1, missing: 0, usdt, notional_usdt });
const RESULTS: Results = {
  symbol: "BTCUSDT", since: "2026-01-31T00:00:00Z", until: "2026-01-31T01:30:00Z",
  results: [
    { since: "2026-01-31T00:00:00Z", parts: part("1.1", "2", "-0.8", "0.1"), position: "0.5" },
    { since: "2026-01-31T01:00:00Z", parts: part("-0.3", "0.1", "-0.2", "0.2"), position: "-0.25" },
  ],
  markouts: [markout("SELL", 0, "0.3", "100"), markout("BUY", 1, "-0.1", "100"), markout("BUY", 0, "0.1", "100"), markout("BUY", 0, "0.1", "300")],
};

test("decimals are added up exactly, whatever their number of places", () => {
  expect(sum(["0.1", "0.2", "-0.30"])).toBe("0.00");
  expect(sum(["-1.005", "0.5"])).toBe("-0.505");
  expect(sum(["12345678901234567890", "1"])).toBe("12345678901234567891");
  expect(sum([])).toBe("0");
});

test("an address names a span that ends now or two times, and nothing else", () => {
  const now = Date.parse("2026-01-31T12:00:00Z");
  expect(periodOf("day", now)).toEqual({ since: "2026-01-30T12:00:00.000Z", until: "2026-01-31T12:00:00.000Z" });
  expect(periodOf("2026-01-01T00:00:00Z..2026-01-02T00:00:00Z", now)?.until).toBe("2026-01-02T00:00:00.000Z");
  expect(periodOf("2026-01-02T00:00:00Z..2026-01-01T00:00:00Z", now)).toBeNull();
  expect(periodOf("toString", now)).toBeNull();
  expect(periodOf(null, now)).toBeNull();
});

test("a longer period is asked for in longer steps", () => {
  const steps = ["day", "week", "month"].map((span) => stepOf(periodOf(span, Date.now()) as { since: string; until: string }));
  expect(steps).toEqual(["minute", "hour", "hour"]);
  expect(stepOf({ since: "2026-01-01T00:00:00Z", until: "2026-06-01T00:00:00Z" })).toBe("day");
});

test("the days that a period touches come latest first, and midnight begins no further one", () => {
  expect(daysOf({ since: "2026-01-30T23:00:00Z", until: "2026-02-01T00:00:00Z" }, 9)).toEqual(["2026-01-31", "2026-01-30"]);
  expect(daysOf({ since: "2025-01-30T23:00:00Z", until: "2026-02-01T01:00:00Z" }, 2)).toEqual(["2026-02-01", "2026-01-31"]);
});

test("the result is drawn since the period's begin and ends with its sum", () => {
  const { times, columns } = curves(RESULTS, "hour");
  expect(times.map((at) => new Date(at * 1000).toISOString().slice(11, 16))).toEqual(["00:00", "01:00", "01:30"]);
  expect(columns.total?.map((one) => Number(one?.toFixed(9)))).toEqual([0, 1.1, 0.8]);
  expect(columns.fees?.map((one) => Number(one?.toFixed(9)))).toEqual([0, 0.1, 0.3]);
  expect(columns.position).toEqual([null, 0.5, -0.25]);
  expect(totals(RESULTS)).toEqual({ total: "0.8", spread: "2.1", inventory: "-1.0", fees: "0.3" });
});

test("spread and inventory as shown, less fees paid, are the total, also where rebates exceed the fees", () => {
  const rebated = { ...RESULTS, results: [{ since: RESULTS.since, parts: part("1.5", "2", "-0.8", "-0.3"), position: "0" }] };
  for (const shown of [totals(RESULTS), totals(rebated)]) expect(Number((num(sum([shown.spread, shown.inventory])) - num(shown.fees)).toFixed(9))).toBe(num(shown.total));
  expect(totals(rebated).fees).toBe("-0.3");
});

test("of no or one point, or of nothing but gaps, no chart is drawn", () => {
  expect([isDrawable([], [[]]), isDrawable([60], [[1]]), isDrawable([60, 60], [[1, 2]]), isDrawable([60, 120], [[null, null], undefined])]).toEqual([false, false, false, false]);
  expect(isDrawable([60, 120], [undefined, [null, 1]])).toBe(true);
});

test("a point between two gaps is found, for no line leads to it", () => {
  expect(isolated([1, null, 2, null, 3, 4, null, 5])).toEqual([0, 2, 7]);
  expect(isolated([1, 2, 3])).toEqual([]);
});

test("markouts stand for all fills first, then by side and level, in bps of what was measured", () => {
  const lines = markoutLines(RESULTS.markouts);
  expect(lines.map((line) => [line.side, line.level])).toEqual([[null, null], ["BUY", 0], ["BUY", 1], ["SELL", 0]]);
  const bps = lines.map((line) => line.cells.find((one) => one.horizon_ms === 1_000)?.bps);
  expect(bps.map((one) => one?.toFixed(3))).toEqual(["6.667", "5.000", "-10.000", "30.000"]);
  expect(lines[0]?.cells.find((one) => one.horizon_ms === 100)?.bps).toBeNull();
});

test("the worst fills are judged by ten seconds, and one without a markout by none", () => {
  const fill = (id: string, ...markouts: [number, string | null][]): Fill => ({ trade_id: id, markouts: markouts.map(([horizon_ms, usdt]) => ({ horizon_ms, usdt, bps: null, missing: null })) }) as unknown as Fill;
  const fills = [fill("a", [10_000, "-1"], [100, "-9"]), fill("b", [10_000, null], [1_000, "-2"]), fill("c", [10_000, null])];
  expect(worst(fills).map((one) => one.trade_id)).toEqual(["b", "a"]);
  expect(judged(fills[1] as Fill)).toEqual({ usdt: "-2", horizon_ms: 1_000 });
});

const duty = (change: Partial<Obligation>): Obligation => ({ measure: "minutes", total: 100, elapsed: 40, present: 30, slack: 40, met: null, ...change }) as Obligation;

test("a programme says what the day still needs and whether it can be made", () => {
  expect(needed(duty({}))).toBe(20);
  expect([duty({}), duty({ slack: 3, present: 10 }), duty({ slack: -1 }), duty({ slack: 60, present: 40 }), duty({ met: false }), duty({ total: 0 })].map(standing)).toEqual(["open", "at risk", "lost", "kept", "lost", "no window"]);
  expect([amount("time", 5_400_000_000), amount("minutes", 5), amount("samples", 7)]).toEqual(["1 h 30 min", "5 min", "7 samples"]);
});

test("who owns the limits may operate too, but not kill", () => {
  const session = { roles: ["mm:risk"] } as unknown as Session;
  expect((["mm:read", "mm:operate", "mm:risk", "mm:emergency"] as const).map((role) => may(session, role))).toEqual([true, true, true, false]);
});
