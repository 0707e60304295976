// Numbers, times and states as a desk reads them. A decimal stays text until it is drawn.

import type { State } from "./types";

export const NONE = "–";

/** A decimal with a fixed number of places and thousands apart; never through a float. */
export function fixed(value: string | null | undefined, places: number): string {
  if (value === null || value === undefined || value === "") return NONE;
  const negative = value.startsWith("-");
  const [whole = "0", fraction = ""] = (negative ? value.slice(1) : value).split(".");
  const digits = fraction.padEnd(places + 1, "0");
  let units = BigInt(whole + digits.slice(0, places));
  if (digits.charAt(places) >= "5") units += 1n;
  const text = units.toString().padStart(places + 1, "0");
  const head = places ? text.slice(0, -places) : text;
  const tail = places ? `.${text.slice(-places)}` : "";
  return `${negative && units > 0n ? "-" : ""}${head.replace(/\B(?=(\d{3})+$)/g, ",")}${tail}`;
}

/** With its sign, gains too, so that a colour is never needed. */
export function signed(value: string | null | undefined, places: number): string {
  const text = fixed(value, places);
  return text === NONE || text.startsWith("-") || /^[0.,]*$/.test(text) ? text : `+${text}`;
}

/** How many decimals prices of about this size need. */
export function places(tick: string | null | undefined): number {
  if (!tick) return 2;
  return (tick.split(".")[1] ?? "").replace(/0+$/, "").length;
}

/** The decimals of a decimal as it came. */
export function decimals(value: string | null | undefined): number {
  return (value?.split(".")[1] ?? "").length;
}

/** Decimals added up, exactly. */
export function sum(values: readonly string[]): string {
  const most = Math.max(0, ...values.map(decimals));
  const units = values.reduce((total, value) => total + BigInt(value.replace(".", "") + "0".repeat(most - decimals(value))), 0n);
  const digits = (units < 0n ? -units : units).toString().padStart(most + 1, "0");
  return `${units < 0n ? "-" : ""}${digits.slice(0, digits.length - most)}${most ? `.${digits.slice(-most)}` : ""}`;
}

export function num(value: string | null | undefined): number {
  return value === null || value === undefined ? Number.NaN : Number(value);
}

/** A large amount in a few characters. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return NONE;
  const size = Math.abs(value);
  if (size >= 1e9) return `${(value / 1e9).toFixed(2)} bn`;
  if (size >= 1e6) return `${(value / 1e6).toFixed(2)} m`;
  if (size >= 1e4) return `${(value / 1e3).toFixed(0)} k`;
  return value.toFixed(size >= 100 ? 0 : 2);
}

/** A duration in words that a person uses. */
export function duration(ms: number): string {
  if (!Number.isFinite(ms)) return NONE;
  const s = Math.max(0, ms) / 1000;
  if (s < 10) return `${s.toFixed(1)} s`;
  if (s < 90) return `${Math.round(s)} s`;
  const m = Math.round(s / 60);
  if (m < 90) return `${m} min`;
  const h = Math.floor(m / 60);
  if (h < 48) return `${h} h ${m % 60} min`;
  return `${Math.floor(h / 24)} d ${h % 24} h`;
}

/** A local time; the UTC of it belongs into the title. */
export function localTime(iso: string | null, withDate = true): string {
  if (!iso) return NONE;
  const at = new Date(iso);
  const time = at.toLocaleTimeString("en-GB", { hour12: false });
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return withDate && day !== today() ? `${day} ${time}` : time;
}

function today(): string {
  const now = new Date();
  return `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}

export function utc(iso: string | null): string {
  return iso ? `${new Date(iso).toISOString().replace("T", " ").slice(0, 19)} UTC` : "";
}

/** Two times as UTC, each with its date. */
export function utcSpan(since: string, until: string): string {
  return `${utc(since).replace(" UTC", "")} to ${utc(until)}`;
}

export type Shown = State | "NO OWNER";

/** A shape for each state: readable in grey and from two metres. */
export const SHAPES: Record<Shown, string> = { ACTIVE: "●", PAUSED: "❚❚", HALTED: "■", "NO OWNER": "◌" };

/** `MAX_LOSS` as a person says it. */
export function words(code: string): string {
  return code.replaceAll("_", " ").toLowerCase();
}

export function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
