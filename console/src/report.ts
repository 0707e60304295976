// A period's figures, from what the service has recorded, as the report shows them.

import { decimals, num, sum } from "./format";
import type { Fill, Results, Side } from "./types";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export const SPANS = { hour: HOUR_MS, day: DAY_MS, week: 7 * DAY_MS, month: 31 * DAY_MS } as const;
export type Span = keyof typeof SPANS;

const STEPS = { minute: 60_000, hour: HOUR_MS, day: DAY_MS } as const;
type Step = keyof typeof STEPS;

/** A fill is judged by its markout after ten seconds; where it has none, by an earlier one. */
const JUDGED_BY_MS = [10_000, 1_000, 100];
export const HORIZONS_MS = [100, 1_000, 10_000, 60_000];
const WORST = 10;

export interface Period {
  since: string;
  until: string;
}

/** What an address says: a span that ends now, or two times; null when it says neither. */
export function periodOf(text: string | null, now: number): Period | null {
  if (text !== null && Object.hasOwn(SPANS, text)) {
    return { since: new Date(now - SPANS[text as Span]).toISOString(), until: new Date(now).toISOString() };
  }
  const [since = Number.NaN, until = Number.NaN] = (text ?? "").split("..").map(Date.parse);
  if (!(since < until)) return null;
  return { since: new Date(since).toISOString(), until: new Date(until).toISOString() };
}

/** The finest sums that the service gives of so long a period. */
export function stepOf(period: Period): Step {
  const length = Date.parse(period.until) - Date.parse(period.since);
  return length <= DAY_MS ? "minute" : length <= 31 * DAY_MS ? "hour" : "day";
}

/** The UTC days that a period touches, latest first, no more than so many. */
export function daysOf(period: Period, most: number): string[] {
  const days: string[] = [];
  for (let at = Date.parse(period.until) - 1; days.length < most && at >= Math.floor(Date.parse(period.since) / DAY_MS) * DAY_MS; at -= DAY_MS) {
    days.push(new Date(at).toISOString().slice(0, 10));
  }
  return days;
}

/** Result and its parts since the period began, and the position, at the end of each step. */
export function curves(results: Results, step: Step): { times: number[]; columns: Record<string, (number | null)[]> } {
  const began = Date.parse(results.since) / 1000;
  const until = Date.parse(results.until) / 1000;
  const first = results.results[0];
  const columns: Record<string, (number | null)[]> = { total: [0], spread: [0], inventory: [0], fees: [0], position: [null] };
  const times = [first ? Date.parse(first.since) / 1000 : began];
  let total = 0, spread = 0, inventory = 0, fees = 0;
  for (const { since, parts, position } of results.results) {
    total += num(parts.total_usdt);
    spread += num(parts.spread_usdt);
    inventory += num(parts.inventory_usdt);
    fees += num(parts.fees_usdt);
    times.push(Math.min(until, (Date.parse(since) + STEPS[step]) / 1000));
    const row = { total, spread, inventory, fees, position: num(position) };
    for (const [name, value] of Object.entries(row)) columns[name]?.push(value);
  }
  return { times, columns };
}

/** The whole period's result and its parts: it is spread + inventory - fees paid, which are below zero where rebates exceed them. */
export function totals(results: Results): { total: string; spread: string; inventory: string; fees: string } {
  const of = (name: keyof Results["results"][number]["parts"]): string => sum(results.results.map((one) => one.parts[name]));
  return { total: of("total_usdt"), spread: of("spread_usdt"), inventory: of("inventory_usdt"), fees: of("fees_usdt") };
}

/** Whether there is a stretch of time to draw: of a single point a chart would make its own, in years. */
export function isDrawable(times: number[], columns: ((number | null)[] | undefined)[]): boolean {
  return (times.at(-1) ?? 0) > (times[0] ?? 0) && columns.some((column) => column?.some((one) => one !== null));
}

/** The indices of points between two gaps: a line cannot show them. */
export function isolated(values: ArrayLike<number | null | undefined>): number[] {
  return Array.from(values, (_, index) => index).filter((index) => [-1, 0, 1].every((step) => ((values[index + step] ?? null) === null) === (step !== 0)));
}

export interface MarkoutLine {
  side: Side | null; // null: all of them
  level: number | null;
  cells: { horizon_ms: number; measured: number; missing: number; usdt: string; bps: number | null }[];
}

/** Markouts of the whole period: all fills, then by side and level. */
export function markoutLines(rows: Results["markouts"]): MarkoutLine[] {
  const groups = new Map<string, Results["markouts"]>([["all", rows]]);
  const key = ({ side, level }: Results["markouts"][number]): string => `${side} ${level === null ? "-" : String(level).padStart(3, "0")}`;
  for (const row of [...rows].sort((one, other) => key(one).localeCompare(key(other)))) groups.set(key(row), [...(groups.get(key(row)) ?? []), row]);
  return [...groups].map(([name, members]) => ({
    side: name === "all" ? null : members[0]?.side ?? null,
    level: name === "all" ? null : members[0]?.level ?? null,
    cells: HORIZONS_MS.map((horizon_ms) => {
      const mine = members.filter((one) => one.horizon_ms === horizon_ms);
      const usdt = sum(mine.map((one) => one.usdt));
      const worth = num(sum(mine.map((one) => one.notional_usdt)));
      const count = (name: "measured" | "missing"): number => mine.reduce((total, one) => total + one[name], 0);
      return { horizon_ms, measured: count("measured"), missing: count("missing"), usdt, bps: worth ? (num(usdt) / worth) * 10_000 : null };
    }),
  }));
}

/** What a fill was worth after a while, and after how long; null: never measured. */
export function judged(fill: Fill): { usdt: string; horizon_ms: number } | null {
  for (const horizon_ms of JUDGED_BY_MS) {
    const usdt = fill.markouts.find((one) => one.horizon_ms === horizon_ms)?.usdt;
    if (usdt !== null && usdt !== undefined) return { usdt, horizon_ms };
  }
  return null;
}

/** Those that lost most, the worst first. */
export function worst(fills: Fill[]): Fill[] {
  const worth = (fill: Fill): number => num(judged(fill)?.usdt);
  return fills.filter((fill) => judged(fill)).sort((one, other) => worth(one) - worth(other)).slice(0, WORST);
}

/** The decimals that show every one of these prices. */
export function placesOf(prices: string[]): number {
  return Math.max(0, ...prices.map(decimals));
}
