// What the page knows of every symbol, by the browser's one stream.

import { useEffect, useState } from "preact/hooks";
import { type Batch, Hub, type Link, type Row } from "./hub";
import type { Glance } from "./types";

/** Two heartbeats and a little: older than that, what is shown may be wrong. */
export const STALE_MS = 5_500;

export interface Feed {
  rows: Map<string, Row>;
  quietSince: Map<string, number>; // ACTIVE without both quotes, since when
  link: Link;
  heard: number;
  version: string;
  glance: Glance | null;
  complete: boolean; // every symbol has been told once
}

export const feed: Feed = {
  rows: new Map(),
  quietSince: new Map(),
  link: "connecting",
  heard: 0,
  version: "",
  glance: null,
  complete: false,
};

const listeners = new Set<() => void>();
let ask: (what: "again" | "bye" | "stop") => void = () => undefined;

export function isStale(now = Date.now()): boolean {
  return !feed.complete || now - feed.heard > STALE_MS;
}

/** Begin to listen; by a SharedWorker, else as or behind the tab that leads. */
export function listen(): void {
  if (typeof SharedWorker === "function") byWorker();
  else byLeader();
  addEventListener("pagehide", () => ask("bye"));
}

/** Try the stream anew, now. */
export function reconnect(): void {
  ask("again");
}

/** Nobody is signed in any more: the stream would only be refused, again and again. */
export function silence(): void {
  ask("stop");
  feed.rows.clear();
  feed.complete = false;
}

function byWorker(): void {
  const worker = new SharedWorker("/console/stream.js", { type: "module", name: "mm-stream-2" });
  worker.port.onmessage = (message: MessageEvent<Batch>) => take(message.data);
  ask = (what) => worker.port.postMessage(what);
  // A page that comes back from the browser's cache has said goodbye: start over.
  addEventListener("pageshow", (event) => event.persisted && location.reload());
}

function byLeader(): void {
  const channel = new BroadcastChannel("mm-stream-2");
  let hub: Hub | null = null;
  channel.onmessage = (message: MessageEvent<Batch | "hello" | "again" | "stop" | "bye">) => {
    if (message.data === "hello") hub && channel.postMessage(hub.all());
    else if (message.data === "again") hub?.start();
    else if (message.data === "stop") hub?.stop();
    else if (message.data !== "bye") take(message.data);
  };
  ask = (what) => {
    if (!hub) channel.postMessage(what);
    else if (what === "again") hub.start();
    else if (what === "stop") hub.stop();
  };
  channel.postMessage("hello");
  void navigator.locks.request("mm-stream-leader", () => {
    hub = new Hub((batch) => {
      take(batch);
      channel.postMessage(batch);
    });
    hub.start();
    return new Promise(() => undefined); // leads until the tab is closed
  });
}

export function take(batch: Batch, now = Date.now()): void {
  if (batch.anew) feed.rows.clear();
  for (const symbol of batch.gone) feed.rows.delete(symbol);
  for (const row of batch.rows) feed.rows.set(row.symbol, row);
  // Live begins with the first heartbeat; a lost stream has rows only if it had told everything before.
  if (batch.link === "live" || batch.rows.length) feed.complete = true;
  for (const row of batch.anew ? feed.rows.values() : batch.rows) note(row, now);
  for (const symbol of feed.quietSince.keys()) if (!feed.rows.has(symbol)) feed.quietSince.delete(symbol);
  feed.link = batch.link;
  feed.heard = batch.heard;
  feed.version = batch.version;
  feed.glance = batch.glance;
  for (const listener of listeners) listener();
}

function note(row: Row, now: number): void {
  const summary = row.summary;
  const quiet = summary?.state.value === "ACTIVE" && !summary.shadow_mode && summary.spread_bps === null;
  if (!quiet) feed.quietSince.delete(row.symbol);
  else if (!feed.quietSince.has(row.symbol)) feed.quietSince.set(row.symbol, now);
}

/** How the stream stands; draws again only when that changes. */
export function useLink(): Link {
  const [link, set] = useState(feed.link);
  useEffect(() => {
    const look = (): void => set(feed.link);
    listeners.add(look);
    return () => void listeners.delete(look);
  }, []);
  return link;
}

const namesNow = (): string[] | null => (feed.complete ? [...feed.rows.keys()].sort() : null);

/** The symbols, sorted, null until all have been told; draws again only when there are others. */
export function useNames(): string[] | null {
  const [names, set] = useState(namesNow);
  useEffect(() => {
    const look = (): void => set((was) => {
      const now = namesNow();
      return now?.join() === was?.join() ? was : now;
    });
    look();
    listeners.add(look);
    return () => void listeners.delete(look);
  }, []);
  return names;
}

/** Draw again with every batch, and once a second for the ages. */
export function useFeed(): Feed {
  const [, draw] = useState(0);
  useEffect(() => {
    let waiting = 0;
    const again = (): void => {
      waiting ||= requestAnimationFrame(() => {
        waiting = 0;
        draw((count) => count + 1);
      });
    };
    listeners.add(again);
    const ages = setInterval(again, 1_000);
    return () => {
      listeners.delete(again);
      clearInterval(ages);
      cancelAnimationFrame(waiting);
    };
  }, []);
  return feed;
}
