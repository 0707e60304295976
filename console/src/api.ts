// Every request of the console: with a time limit, two readings at a time, and nothing before a kill.

import type { Reason, Result } from "./types";

const TIME_LIMIT_MS = 10_000;
const READS_AT_ONCE = 2; // a browser gives one host six connections, the stream has one
const ours = new BroadcastChannel("mm-requests");

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
    readonly problems: Reason[],
    readonly results: Result[],
    readonly fields: { field: string; detail: string }[],
  ) {
    super(detail);
  }
}

interface Options {
  body?: unknown;
  signal?: AbortSignal;
  timeLimitMs?: number;
}

const running = new Set<AbortController>();
const waiting: (() => void)[] = [];

ours.onmessage = () => dropReads();

/** Read something; waits for its turn. */
export async function get<T>(path: string, options: Options = {}): Promise<T> {
  if (running.size >= READS_AT_ONCE) await new Promise<void>((turn) => waiting.push(turn));
  const mine = new AbortController();
  options.signal?.addEventListener("abort", () => mine.abort());
  running.add(mine);
  try {
    return await send<T>("GET", path, { ...options, signal: mine.signal });
  } finally {
    running.delete(mine);
    waiting.shift()?.();
  }
}

/** Change something; never waits for a reading. */
export function change<T>(method: "POST" | "PUT" | "DELETE", path: string, body?: unknown, timeLimitMs?: number) {
  return send<T>(method, path, { ...(body === undefined ? {} : { body }), ...(timeLimitMs ? { timeLimitMs } : {}) });
}

/** What must not wait for a connection: all readings of all tabs are let go of first. */
export function urgent<T>(path: string, body: unknown): Promise<T> {
  ours.postMessage("urgent");
  dropReads();
  return send<T>("POST", path, { body });
}

function dropReads(): void {
  for (const one of running) one.abort();
}

async function send<T>(method: string, path: string, options: Options): Promise<T> {
  const limit = options.timeLimitMs ?? TIME_LIMIT_MS;
  const timed = AbortSignal.timeout(limit);
  const headers: Record<string, string> = { "X-MM-Console": "1", Accept: "application/json" };
  const init: RequestInit = { method, headers, keepalive: method !== "GET", credentials: "same-origin", cache: "no-store" };
  if (options.body !== undefined) {
    headers["Content-Type"] = "application/json";
    init.body = JSON.stringify(options.body);
  }
  init.signal = options.signal ? AbortSignal.any([timed, options.signal]) : timed;
  let response: Response;
  let text: string;
  try {
    response = await fetch(path, init);
    text = await response.text();
  } catch (error) {
    if (options.signal?.aborted) throw error;
    const why = timed.aborted ? `no answer within ${limit / 1000} s` : "the service cannot be reached";
    throw new ApiError(0, "NO_ANSWER", why, [], [], []);
  }
  // Which component has failed is told with 503, and is an answer: a problem has another type.
  const isHealth = path === "/health" && response.headers.get("Content-Type") === "application/json";
  if (response.ok || isHealth) return (text ? JSON.parse(text) : undefined) as T;
  throw problemOf(response.status, text);
}

function problemOf(status: number, text: string): ApiError {
  try {
    const problem = JSON.parse(text);
    return new ApiError(
      status,
      problem.code ?? "ERROR",
      problem.detail ?? `the service answers ${status}`,
      problem.problems ?? [],
      problem.results ?? [],
      problem.errors ?? [],
    );
  } catch {
    return new ApiError(status, "ERROR", `the service answers ${status}`, [], [], []);
  }
}

export function isAborted(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

export function said(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export const symbolPath = (symbol: string, rest = ""): string =>
  `/v1/mm-configs/${encodeURIComponent(symbol)}${rest}`;
