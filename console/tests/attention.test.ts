import { expect, test } from "vitest";
import { killPrice, loss, position, rank, totals } from "../src/attention";
import type { Row } from "../src/hub";
import type { State, Summary } from "../src/types";

function row(symbol: string, state: State, more: Partial<Summary> = {}): Row {
  const summary = {
    symbol, state: { value: state }, owner_silent_ms: null, position: "0", inventory_usdt: "0", mid: "100",
    pnl: { total: "0" }, open_orders: 2, unknown_orders: 0, shadow_mode: false,
    market: { max_position_usdt: "1000", max_loss_usdt: "50" }, ...more,
  } as unknown as Summary;
  return { symbol, summary, missing: null, heard: 0 };
}

test("trouble comes first: halted, without owner, not quoting, near a limit, quoting, paused", () => {
  const rows: [Row, number | undefined][] = [
    [row("PAUSED", "PAUSED"), undefined],
    [row("CALM", "ACTIVE"), undefined],
    [row("NEAR", "ACTIVE", { inventory_usdt: "-850" }), undefined],
    [row("QUIET", "ACTIVE"), 0],
    [{ ...row("SILENT", "ACTIVE"), summary: { ...row("SILENT", "ACTIVE").summary, owner_silent_ms: 4000 } as Summary }, undefined],
    [row("HALTED", "HALTED"), undefined],
  ];
  const ranked = rows.map(([one, since]) => [rank(one, since, 10_000), one.symbol]).sort();
  expect(ranked.map(([, symbol]) => symbol)).toEqual(["HALTED", "SILENT", "QUIET", "NEAR", "CALM", "PAUSED"]);
});

test("a requote of a moment is no trouble", () => {
  expect(rank(row("A", "ACTIVE"), 9_000, 10_000)).toBe(4);
});

test("the distance to the kill is told in shares and in price", () => {
  const long = row("A", "ACTIVE", { position: "5", inventory_usdt: "500", pnl: { total: "-10" } as Summary["pnl"] });
  expect(position(long)).toEqual({ used: 0.5, value: 500, limit: 1000, price: 200 });
  expect(loss(long)).toEqual({ used: 0.2, value: -10, limit: 50, price: 92 });
  const short = row("B", "ACTIVE", { position: "-5", inventory_usdt: "-500", pnl: { total: "-10" } as Summary["pnl"] });
  expect(loss(short)?.price).toBe(108);
});

test("where a limit kills is a price, or why there is none", () => {
  const says = (more: Partial<Summary>): string[] => {
    const one = row("A", "ACTIVE", more);
    return [loss(one), position(one)].map((distance) => killPrice(one.summary, distance));
  };
  expect(says({ position: "5", inventory_usdt: "500" })).toEqual(["90 (−10.0 %)", "200 (+100 %)"]);
  expect(says({})).toEqual(["no position", "no position"]);
  expect(says({ position: "0.00248", inventory_usdt: "0.248" })[0]).toBe("no price reaches it"); // not even a mid of 0 loses 50
  expect(says({ position: "5", inventory_usdt: null, mid: null })).toEqual(["not known", "200"]);
  expect(killPrice(null, null)).toBe("not known");
});

test("what has no owner is counted as such and never as quoting", () => {
  const sums = totals([row("A", "ACTIVE"), row("B", "ACTIVE", { owner_silent_ms: 3000 }), row("C", "HALTED")]);
  expect([sums.active, sums.ownerless, sums.halted, sums.orders]).toEqual([1, 1, 1, 6]);
});
