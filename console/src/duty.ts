// What a market maker programme still asks of the day.

import { duration } from "./format";
import type { Obligation } from "./types";

/** Below that share of what may be absent in all, a person should look (the alert's threshold). */
const AT_RISK = 0.25;

export type Standing = "kept" | "lost" | "at risk" | "open" | "no window";
export const MARKS: Record<Standing, string> = { kept: "✓", lost: "✕", "at risk": "!", open: "…", "no window": "–" };

export function standing(one: Obligation): Standing {
  if (!one.total) return "no window";
  if (one.met === true || needed(one) === 0) return "kept";
  if (one.met === false || one.slack < 0) return "lost";
  const allowed = one.slack + one.elapsed - one.present;
  return allowed > 0 && one.slack / allowed < AT_RISK ? "at risk" : "open";
}

/** How much presence is still needed, in what the programme counts. */
export function needed(one: Obligation): number {
  return Math.max(0, one.total - one.elapsed - one.slack);
}

/** A count in words. */
export function amount(measure: Obligation["measure"], count: number): string {
  if (measure === "time") return duration(count / 1000);
  return measure === "minutes" ? `${count} min` : `${count} samples`;
}
