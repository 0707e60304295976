// The one stream of this browser: it lives in a SharedWorker, or in the tab that leads where there is none.
//
// Every tab is told the same in batches, four times a second at most. What a stream said before it was lost is
// forgotten as a whole once the next one has told everything, so nothing deleted meanwhile stays.

import type { Glance, Missing, Summary } from "./types";

export const STREAM = "/v1/mm/stream";
const BATCH_MS = 250;
const AGAIN_MS = 2_000;
const SILENT_MS = 12_000;

export interface Row {
  symbol: string;
  summary: Summary | null;
  missing: Missing | null;
  heard: number; // Date.now() when it was told
}

export type Link = "connecting" | "live" | "lost" | "refused";

export interface Batch {
  rows: Row[];
  gone: string[];
  anew: boolean; // `rows` are all there are
  link: Link;
  heard: number; // when the stream last gave any sign of life; 0: never
  version: string;
  glance: Glance | null;
}

export type Source = Pick<EventSource, "addEventListener" | "close" | "readyState">;

export class Hub {
  private rows = new Map<string, Row>();
  private next: Map<string, Row> | null = null; // told by a stream that has not told everything yet
  private changed = new Set<string>();
  private gone = new Set<string>();
  private anew = false;
  private link: Link = "connecting";
  private heard = 0;
  private version = "";
  private glance: Glance | null = null;
  private source: Source | null = null;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private retry: ReturnType<typeof setTimeout> | null = null;
  private watch: ReturnType<typeof setInterval> | null = null;

  constructor(
    private readonly tell: (batch: Batch) => void,
    private readonly open: () => Source = () => new EventSource(STREAM),
    private readonly now: () => number = Date.now,
  ) {}

  /** Connect now, whatever is open: somebody has come, has signed in, or asks for another try. */
  start(): void {
    this.connect();
    this.watch ??= setInterval(() => this.look(), 1_000);
  }

  stop(): void {
    this.source?.close();
    this.source = null;
    if (this.watch) clearInterval(this.watch);
    if (this.retry) clearTimeout(this.retry);
    this.watch = this.retry = null;
    this.link = "connecting";
    this.rows.clear();
    this.glance = null;
  }

  /** All there is, for a tab that has just come. */
  all(): Batch {
    return { rows: [...this.rows.values()], gone: [], anew: true, link: this.link, heard: this.heard, version: this.version, glance: this.glance };
  }

  private connect(): void {
    if (this.retry) clearTimeout(this.retry);
    this.retry = null;
    this.source?.close();
    this.next = null;
    const source = this.open();
    this.source = source;
    const on = (name: string, act: (data: string) => void): void =>
      source.addEventListener(name, (event) => {
        if (this.source !== source) return;
        this.heard = this.now();
        act((event as MessageEvent<string>).data);
        this.soon();
      });
    on("begin", (version) => {
      this.version = version;
      this.next = new Map();
    });
    on("status", (data) => {
      const summary = JSON.parse(data) as Summary;
      this.put({ symbol: summary.symbol, summary, missing: null, heard: this.heard });
    });
    on("without_owner", (data) => {
      const missing = JSON.parse(data) as Missing;
      this.put({ symbol: missing.symbol, summary: null, missing, heard: this.heard });
    });
    on("removed", (symbol) => this.remove(symbol));
    on("heartbeat", () => this.complete());
    on("fleet", (data) => {
      this.glance = JSON.parse(data) as Glance;
    });
    source.addEventListener("error", () => {
      if (this.source !== source) return;
      this.lost(source.readyState === 2 ? "refused" : "lost");
    });
  }

  private put(row: Row): void {
    if (this.next) {
      this.next.set(row.symbol, row);
      return;
    }
    this.rows.set(row.symbol, row);
    this.changed.add(row.symbol);
    this.gone.delete(row.symbol);
  }

  private remove(symbol: string): void {
    if (this.next) {
      this.next.delete(symbol);
      return;
    }
    this.rows.delete(symbol);
    this.changed.delete(symbol);
    this.gone.add(symbol);
  }

  /** The stream has told everything: what it did not name is no more. */
  private complete(): void {
    this.link = "live";
    if (!this.next) return;
    this.rows = this.next;
    this.next = null;
    this.anew = true;
  }

  /** The browser tries a lost stream again by itself, a refused one it gives up. */
  private lost(link: Link): void {
    this.link = link;
    this.next = null;
    this.source?.close();
    this.source = null;
    this.retry ??= setTimeout(() => this.connect(), AGAIN_MS);
    this.soon();
  }

  /** A stream that is open and says nothing is as good as lost. */
  private look(): void {
    if (this.source && this.link === "live" && this.now() - this.heard > SILENT_MS) this.lost("lost");
  }

  private soon(): void {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      const rows = this.anew ? [...this.rows.values()] : [...this.changed].flatMap((one) => this.rows.get(one) ?? []);
      const batch = { rows, gone: [...this.gone], anew: this.anew, link: this.link, heard: this.heard, version: this.version, glance: this.glance };
      this.changed.clear();
      this.gone.clear();
      this.anew = false;
      this.tell(batch);
    }, BATCH_MS);
  }
}
