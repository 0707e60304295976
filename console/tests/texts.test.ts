import { expect, test } from "vitest";
import { blocks } from "../src/prose";
import { place } from "../src/route";

test("the runbook's paragraphs, lists and commands keep their shape", () => {
  const text = "**Means:** a\nb.\n**Look at:** c.\n\n1. one\n   more\n2. two\n\n- x\n```\ncurl y\n```";
  expect(blocks(text)).toEqual([
    { kind: "p", lines: ["**Means:** a b."] },
    { kind: "p", lines: ["**Look at:** c."] },
    { kind: "ol", lines: ["one more", "two"] },
    { kind: "ul", lines: ["x"] },
    { kind: "pre", lines: ["curl y"] },
  ]);
});

test("an address says which page, which symbol and which part of it", () => {
  expect(place("")).toEqual({ page: "fleet", symbol: null, tab: null });
  expect(place("#/symbol/BTC-USDT/why")).toEqual({ page: "symbol", symbol: "BTC-USDT", tab: "why" });
});
