// What this person did and what came of it. It stays until it is cleared.

import { useEffect, useState } from "preact/hooks";
import { ApiError, change, said, symbolPath, urgent } from "./api";
import { sentence, words } from "./format";
import type { Result } from "./types";

export type Verb = "enable" | "resume" | "pause" | "kill" | "flatten" | "reset";
export type Tone = "pending" | "done" | "partly" | "failed";

export interface Entry {
  id: number;
  at: string;
  what: string;
  tone: Tone;
  came: string;
  results: { symbol: string; text: string; ok: boolean }[];
}

const KEPT = 200;
const STORE = "mm-log";
let entries: Entry[] = restored();
let announced = "";
const listeners = new Set<() => void>();
const awaited = new Set<() => void>();

function restored(): Entry[] {
  try {
    const kept = JSON.parse(sessionStorage.getItem(STORE) ?? "[]") as Entry[];
    return kept.map((one) => (one.tone === "pending" ? { ...one, tone: "failed", came: "the page was left before an answer came: look at the state" } : one));
  } catch {
    return [];
  }
}

function changed(): void {
  sessionStorage.setItem(STORE, JSON.stringify(entries.slice(0, KEPT)));
  for (const listener of listeners) listener();
}

export function useLog(): { entries: Entry[]; announced: string } {
  const [, draw] = useState(0);
  useEffect(() => {
    const again = (): void => draw((count) => count + 1);
    listeners.add(again);
    return () => void listeners.delete(again);
  }, []);
  return { entries, announced };
}

export function clearLog(): void {
  entries = entries.filter((one) => one.tone === "pending");
  changed();
}

let numbers = Date.now();

export function begin(what: string): Entry {
  const entry: Entry = { id: ++numbers, at: new Date().toISOString(), what, tone: "pending", came: "asked, no answer yet", results: [] };
  entries = [entry, ...entries].slice(0, KEPT);
  changed();
  return entry;
}

/** Be told when something that this person did has ended, whatever came of it: what was read before may be old. */
export function onEnd(listener: () => void): () => void {
  awaited.add(listener);
  return () => void awaited.delete(listener);
}

export function end(entry: Entry, tone: Tone, came: string, results: Entry["results"] = []): void {
  entries = entries.map((one) => (one.id === entry.id ? { ...one, tone, came, results } : one));
  announced = `${entry.what}: ${came}`;
  changed();
  for (const listener of awaited) listener();
}

/** Ask something of symbols (null: of all), and tell how each took it. */
export async function act(verb: Verb, symbols: string[] | null, reason: string, more: Record<string, unknown> = {}): Promise<boolean> {
  const entry = begin(`${sentence(verb)} ${symbols === null ? "every symbol" : symbols.join(", ")}`);
  const body = { reason, ...(symbols ? { symbols } : {}), ...more };
  try {
    const path = { kill: "/v1/mm/emergency/kill", flatten: "/v1/mm/emergency/flatten", reset: "/v1/mm/reset" }[verb as string];
    const answer =
      verb === "kill" || verb === "flatten"
        ? await urgent<{ results: Result[] }>(path ?? "", body)
        : await change<{ results: Result[] }>("POST", path ?? `/v1/mm/${verb}`, body, 40_000);
    tell(entry, answer.results);
    return answer.results.every((one) => one.accepted);
  } catch (error) {
    if (error instanceof ApiError && error.results.length) {
      tell(entry, error.results, error.message);
    } else {
      const unknown = error instanceof ApiError && error.status === 0 ? `; ${verb} may or may not have happened: look at the state` : "";
      end(entry, "failed", said(error) + unknown);
    }
    return false;
  }
}

function tell(entry: Entry, results: Result[], detail = ""): void {
  const refused = results.filter((one) => !one.accepted).length;
  const pending = results.filter((one) => one.pending).length;
  const taken = results.length - refused - pending;
  const parts = [
    taken ? `${taken} of ${results.length} taken` : "",
    pending ? `${pending} on record and not yet confirmed` : "",
    refused ? `${refused} refused` : "",
    results.length ? "" : detail || "there was nothing to do",
  ].filter(Boolean);
  const tone: Tone = refused === 0 && pending === 0 ? "done" : refused === results.length ? "failed" : "partly";
  end(entry, tone, parts.join(", "), results.map((one) => ({ symbol: one.symbol, ok: one.accepted && !one.pending, text: textOf(one) })));
}

function textOf(result: Result): string {
  if (result.pending) return `on record; ${result.state ?? "state not known"} until its owner has read it`;
  if (result.accepted && result.durable === false) return `now ${result.state ?? "not known"}, but not in the database yet: a crash now would forget it`;
  if (result.accepted) return `now ${result.state ?? "not known"}`;
  const why = result.problems.map((one) => one.detail || words(one.code)).join("; ");
  return `refused (${result.state ?? "state not known"}): ${why}`;
}

/** Any other change, told in the same place. */
export async function told<T>(what: string, asking: () => Promise<T>, came: (answer: T) => string): Promise<T | null> {
  const entry = begin(what);
  try {
    const answer = await asking();
    end(entry, "done", came(answer));
    return answer;
  } catch (error) {
    end(entry, "failed", said(error));
    throw error;
  }
}

export { symbolPath };
