// Today's result: what it has come to since the UTC day began, whatever the baseline of the loss limit is.

import { num, sum } from "./format";
import type { DayStart, Summary } from "./types";

interface Began {
  day: string;
  results: ReadonlyMap<string, string>;
}

let began: Began | null = null;

/** Take what the service tells of the day's beginning, for every page. */
export function dayBegan(start: DayStart): void {
  began = beganOf(start);
}

export function beganOf(start: DayStart): Began {
  return { day: dayOf(start.since), results: new Map(start.items.map((one) => [one.symbol, one.result_usdt])) };
}

/** Exact; null where it is not known: the beginning is not read yet, nothing values the position, or its owner is silent. */
export function today(summary: Pick<Summary, "symbol" | "at" | "owner_silent_ms" | "position" | "pnl"> | null | undefined, of: Began | null = began): string | null {
  const start = summary ? of?.results.get(summary.symbol) : undefined;
  if (!summary || !of || start === undefined || dayOf(summary.at) > of.day) return null;
  if (summary.owner_silent_ms !== null || (summary.pnl.unrealized === null && num(summary.position) !== 0)) return null;
  return sum([summary.pnl.total, summary.pnl.baseline, start.startsWith("-") ? start.slice(1) : `-${start}`]);
}

function dayOf(time: string): string {
  return time.slice(0, 10); // the service tells UTC
}
