import { expect, test } from "vitest";
import { cell, pathOf, what } from "../src/pages/audit";
import { grouped } from "../src/pages/ladder";

test("an export runs no formula in a spreadsheet", () => {
  expect(cell("=HYPERLINK(1)")).toBe(`"'=HYPERLINK(1)"`);
  expect(cell("-1")).toBe(`"'-1"`);
  expect(cell('say "x", y')).toBe('"say ""x"", y"');
  expect(cell({ a: 1 })).toBe('"{""a"":1}"');
  expect(cell(null)).toBe('""');
});

test("a search asks for exactly what was filled in", () => {
  const none = { symbol: "", actor: "", route: "", text: "", since: "", until: "" };
  expect(pathOf(none)).toBe("/v1/mm/audit");
  expect(pathOf({ ...none, symbol: " btcusdt ", route: "PUT /v1/mm-configs/{symbol}" })).toBe(
    "/v1/mm/audit?symbol=BTCUSDT&route=PUT+%2Fv1%2Fmm-configs%2F%7Bsymbol%7D",
  );
});

test("a route is said as what a person did", () => {
  expect(["PUT /v1/mm-configs/{symbol}", "POST /v1/mm-configs", "POST /v1/mm/emergency/kill"].map(what)).toEqual(["configure", "create", "kill"]);
});

test("levels go together by a step, bids down and asks up, and nothing of ours is lost", () => {
  const levels = [
    { price: "100.09", others: "1", ours: "0.5" },
    { price: "100.01", others: "2", ours: "0" },
    { price: "99.99", others: "3", ours: "0" },
  ];
  expect(grouped(levels, 0.1, "BUY").map((line) => [line.price.toFixed(2), line.others, line.ours])).toEqual([["100.00", 3, 0.5], ["99.90", 3, 0]]);
  expect(grouped(levels, 0.1, "SELL").map((line) => [line.price.toFixed(2), line.others])).toEqual([["100.10", 3], ["100.00", 3]]);
  expect(grouped(levels, 0, "BUY").length).toBe(3);
});
