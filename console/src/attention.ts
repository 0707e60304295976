// What needs a person first, and how far every symbol is from its limits.

import { num, type Shown } from "./format";
import type { Row } from "./hub";
import type { Summary } from "./types";
import { today } from "./today";

export const QUIET_MS = 3_000; // ACTIVE without both quotes for so long is no requote any more
const NEAR = 0.8;

export interface Distance {
  used: number; // share of the limit, 1 is the kill
  value: number;
  limit: number;
  price: number | null; // the mid at which the limit is reached, where a price leads there
}

export function shownState(row: Row): Shown {
  return row.summary?.state.value ?? row.missing?.state ?? "NO OWNER";
}

export function hasOwner(row: Row): boolean {
  return row.summary !== null && row.summary.owner_silent_ms === null;
}

/** The inventory against its limit. Only fills move it there, and a rising price. */
export function position(row: Row): Distance | null {
  const { summary } = row;
  if (!summary?.market) return null;
  const value = Math.abs(num(summary.inventory_usdt));
  const limit = num(summary.market.max_position_usdt);
  const held = Math.abs(num(summary.position));
  const used = Number.isFinite(value) ? value / limit : 0;
  return { used, value, limit, price: held > 0 ? limit / held : null };
}

/** The loss against its limit, and the mid at which the position as it stands reaches it. */
export function loss(row: Row): Distance | null {
  const { summary } = row;
  if (!summary?.market) return null;
  const total = num(summary.pnl.total);
  const limit = num(summary.market.max_loss_usdt);
  const held = num(summary.position);
  const mid = num(summary.mid);
  const left = limit + total;
  const price = held !== 0 && Number.isFinite(mid) ? mid - left / held : null;
  return { used: Math.max(0, -total) / limit, value: total, limit, price: price !== null && price > 0 ? price : null };
}

/** About where the mid would have to go, the position staying as it is. */
export function killPrice(summary: Summary | null, distance: Distance | null): string {
  if (!summary || !distance) return "not known";
  const mid = num(summary.mid);
  if (distance.price === null) return num(summary.position) === 0 ? "no position" : Number.isFinite(mid) ? "no price reaches it" : "not known";
  const price = distance.price.toLocaleString("en", { maximumSignificantDigits: 6 });
  if (!Number.isFinite(mid)) return price;
  const away = (100 * (distance.price - mid)) / mid;
  return `${price} (${away >= 0 ? "+" : "−"}${Math.abs(away).toFixed(Math.abs(away) >= 100 ? 0 : 1)} %)`;
}

/** 0 needs a person most. */
export function rank(row: Row, quietSince: number | undefined, now: number): number {
  const state = shownState(row);
  if (state === "HALTED") return 0;
  if (!hasOwner(row)) return 1;
  if (state === "ACTIVE" && quietSince !== undefined && now - quietSince > QUIET_MS) return 2;
  if (Math.max(position(row)?.used ?? 0, loss(row)?.used ?? 0) >= NEAR) return 3;
  return state === "ACTIVE" ? 4 : 5;
}

export const RANKS = ["halted", "no owner", "not quoting", "close to a limit", "quoting", "paused"] as const;

export interface Totals {
  active: number;
  paused: number;
  halted: number;
  ownerless: number;
  today: number;
  todayUnknown: string[]; // symbols whose result of today is not known
  gross: number;
  net: number;
  orders: number;
  unknown: number;
  shadow: boolean;
}

export function totals(rows: Iterable<Row>): Totals {
  const sum: Totals = {
    active: 0, paused: 0, halted: 0, ownerless: 0, today: 0, todayUnknown: [], gross: 0, net: 0, orders: 0, unknown: 0, shadow: false,
  };
  for (const row of rows) {
    const state = shownState(row);
    if (state === "HALTED") sum.halted += 1;
    else if (!hasOwner(row)) sum.ownerless += 1;
    else if (state === "ACTIVE") sum.active += 1;
    else sum.paused += 1;
    const { summary } = row;
    const earned = today(summary);
    if (earned === null) sum.todayUnknown.push(row.symbol);
    else sum.today += num(earned);
    if (!summary) continue;
    const inventory = num(summary.inventory_usdt);
    sum.gross += Math.abs(Number.isFinite(inventory) ? inventory : 0);
    sum.net += Number.isFinite(inventory) ? inventory : 0;
    sum.orders += summary.open_orders;
    sum.unknown += summary.unknown_orders;
    sum.shadow ||= summary.shadow_mode;
  }
  return sum;
}
