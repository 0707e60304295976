// The small pieces that every page is made of.

import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { get, isAborted, said } from "./api";
import type { Distance } from "./attention";
import { duration, localTime, SHAPES, type Shown, short, utc } from "./format";
import { onEnd } from "./log";

export function StateMark({ state, shadow = false }: { state: Shown; shadow?: boolean }) {
  return (
    <span class={`state s-${state === "NO OWNER" ? "none" : state.toLowerCase()}`}>
      <span aria-hidden="true" class="shape">{shadow ? "◇" : SHAPES[state]}</span> {state}
      {shadow ? " (shadow)" : ""}
    </span>
  );
}

export function Time({ at, date = true }: { at: string | null; date?: boolean }) {
  return (
    <time dateTime={at ?? ""} title={utc(at)}>
      {localTime(at, date)}
    </time>
  );
}

/** A share of a limit: filled up to the use, with a mark where headroom begins. */
export function Bar({ distance, headroom = 0, label }: { distance: Distance | null; headroom?: number; label: string }) {
  if (!distance) return <span class="quiet">–</span>;
  const used = Math.min(1, Math.max(0, distance.used));
  const percent = Math.round(used * 100);
  const tone = used >= 0.95 ? "danger" : used >= 0.8 ? "near" : "";
  const price = distance.price ? `; reached at a mid of about ${short(distance.price)}` : "";
  const title = `${label}: ${short(distance.value)} of ${short(distance.limit)}${price}`;
  return (
    <span class={`bar ${tone}`} title={title} role="img" aria-label={`${title}, ${percent} %`}>
      <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
        <rect class="track" width="100" height="8" />
        <rect class="fill" width={used * 100} height="8" />
        {headroom ? <rect class="mark" x={100 - headroom} width="1" height="8" /> : null}
      </svg>
      <span class="percent">{percent} %</span>
    </span>
  );
}

export interface Loaded<T> {
  data: T | null;
  error: string;
  loading: boolean;
  at: number;
  again: () => void;
}

/** Read something now; and again every so often while the page is seen, and when this person has done something. */
export function useRead<T>(path: string | null, everyMs = 0): Loaded<T> {
  const [state, set] = useState<{ path: string | null; data: T | null; error: string; loading: boolean; at: number }>({
    path, data: null, error: "", loading: path !== null, at: 0,
  });
  const [tries, retry] = useState(0);
  useEffect(() => {
    if (path === null) return;
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout>;
    const read = async (): Promise<void> => {
      if (!document.hidden || tries === 0) {
        try {
          const data = await get<T>(path, { signal: stop.signal });
          if (!stop.signal.aborted) set({ path, data, error: "", loading: false, at: Date.now() });
        } catch (error) {
          if (stop.signal.aborted) return;
          if (!isAborted(error)) set((was) => ({ ...was, path, data: was.path === path ? was.data : null, error: said(error), loading: false }));
        }
      }
      if (everyMs && !stop.signal.aborted) timer = setTimeout(() => void read(), everyMs);
    };
    void read();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [path, everyMs, tries]);
  useEffect(() => (everyMs ? onEnd(() => retry((count) => count + 1)) : undefined), [everyMs]);
  const current = state.path === path ? state : { data: null, error: "", loading: path !== null, at: 0 };
  return { data: current.data, error: current.error, loading: current.loading, at: current.at, again: () => retry((count) => count + 1) };
}

/** What stands where something is not there yet, or could not be read. */
export function Reading({ of, what, children }: { of: Loaded<unknown>; what: string; children?: ComponentChildren }) {
  if (of.error) {
    return (
      <p class="note failed" role="alert">
        {what} could not be read: {of.error}. {of.data ? `What is shown is ${duration(Date.now() - of.at)} old. ` : ""}
        <button type="button" onClick={of.again}>Try again</button>
      </p>
    );
  }
  if (of.loading) return <p class="note quiet">Reading {what.toLowerCase()}…</p>;
  return <>{children}</>;
}

/** A modal that gives the focus back, with the first sensible control focused. */
export function Dialog({ title, onClose, children, tone = "" }: { title: string; onClose: () => void; children: ComponentChildren; tone?: string }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    dialog.current?.showModal();
    dialog.current?.querySelector<HTMLElement>("[data-first]")?.focus();
  }, []);
  return (
    <dialog ref={dialog} class={tone} aria-labelledby="dialog-title" onClose={onClose} onCancel={onClose}>
      <h2 id="dialog-title">{title}</h2>
      {children}
    </dialog>
  );
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="note quiet">{children}</p>;
}
