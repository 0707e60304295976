// What a symbol earned in a period and from what, what its fills were worth later, and how present it was. Times are UTC.

import { useEffect, useMemo, useState } from "preact/hooks";
import { get, isAborted, said, symbolPath } from "../api";
import { useLink, useNames } from "../feed";
import { decimals, fixed, NONE, num, short, signed, utc, utcSpan, words } from "../format";
import { amount, MARKS, standing } from "../duty";
import { Empty, Reading, useRead } from "../parts";
import { curves, daysOf, HORIZONS_MS, judged, markoutLines, type Period, periodOf, placesOf, SPANS, stepOf, totals, worst } from "../report";
import { go, href } from "../route";
import type { Fill, ObligationDay, Page, Results, Series } from "../types";
import { Chart, type Drawn } from "./charts";

const FILLS_MAX = 5_000;
const DAYS_MAX = 31;

const PNL: Drawn = {
  name: "P&L since the period began", height: 190,
  columns: [
    { key: "total", label: "total", tone: "--mid" },
    { key: "spread", label: "spread", tone: "--bid", dash: [6, 3] },
    { key: "inventory", label: "inventory", tone: "--ask", dash: [2, 3] },
    { key: "fees", label: "fees paid", tone: "--quiet", step: true },
  ],
};
const POSITION: Drawn = { name: "Inventory, base currency", height: 90, columns: [{ key: "position", label: "position", tone: "--mid", step: true }] };
const SPREAD: Drawn = { name: "Our spread, bps", height: 80, columns: [{ key: "spread_bps", label: "our spread", tone: "--mid", step: true }] };

export function Report({ symbol, span }: { symbol: string | null; span: string | null }) {
  const [anew, setAnew] = useState(0);
  const names = useNames();
  const link = useLink();
  const chosen = symbol ?? names?.[0] ?? null;
  const wanted = span ?? "day";
  const period = useMemo(() => periodOf(wanted, Date.now()), [wanted, anew]);
  if (names === null && (!chosen || link === "connecting")) return <Empty>reading…</Empty>;
  if (!chosen) return <Empty>No symbol is configured.</Empty>;
  return (
    <section class="plain-page report" aria-label="Report">
      <div class="bar-top"><h2>Report of {chosen}</h2>{period ? <span class="quiet">{utcSpan(period.since, period.until)}</span> : null}</div>
      <div class="tools no-print">
        <label>Symbol <select aria-label="Symbol" value={chosen} onChange={(event) => go("report", event.currentTarget.value, wanted)}>{[...new Set([...(names ?? []), chosen])].map((name) => <option key={name}>{name}</option>)}</select></label>
        <span role="group" aria-label="Period" class="row">{Object.keys(SPANS).map((one) => <button key={one} type="button" class={one === wanted ? "on" : ""} aria-pressed={one === wanted} onClick={() => { go("report", chosen, one); setAnew(anew + 1); }}>last {one}</button>)}</span>
        <Between onChosen={(text) => go("report", chosen, text)} />
        <span class="spacer" />
        <span class="row">
          {period ? <a class="button" href={href("report", chosen, `${period.since}..${period.until}`)} title="Puts the times into the address, to be kept or sent">Link to these times</a> : null}
          <button type="button" onClick={() => print()}>Print</button>
        </span>
      </div>
      {period ? <Told key={`${chosen}${period.since}`} symbol={chosen} period={period} isNow={wanted in SPANS} isConfigured={names?.includes(chosen) ?? true} /> : <p class="note danger" role="alert">The address names no period: choose one above.</p>}
    </section>
  );
}

/** Two times of the person's own, in UTC. */
function Between({ onChosen }: { onChosen: (text: string) => void }) {
  const [since, setSince] = useState("");
  const [until, setUntil] = useState("");
  const submit = (event: Event): void => {
    event.preventDefault();
    onChosen(`${new Date(`${since}Z`).toISOString()}..${new Date(`${until}Z`).toISOString()}`);
  };
  return (
    <form class="row" onSubmit={submit}>
      <label>From, UTC <input type="datetime-local" required value={since} onInput={(event) => setSince(event.currentTarget.value)} /></label>
      <label>To, UTC <input type="datetime-local" required min={since} value={until} onInput={(event) => setUntil(event.currentTarget.value)} /></label>
      <button type="submit">Show</button>
    </form>
  );
}

function Told({ symbol, period, isNow, isConfigured }: { symbol: string; period: Period; isNow: boolean; isConfigured: boolean }) {
  const step = stepOf(period);
  const times = `since=${period.since}&until=${period.until}`;
  const results = useRead<Results>(symbolPath(symbol, `/results?${times}&by=${step}`));
  const fills = useFills(symbolPath(symbol, `/fills?${times}&limit=500`));
  const drawn = useMemo(() => (results.data ? curves(results.data, step) : null), [results.data]);
  const sums = results.data ? totals(results.data) : null;
  const figure = (value: string): string => (results.data?.results.length ? signed(value, 2) : NONE);
  const volume = fills.items.reduce((total, fill) => total + num(fill.notional_usdt), 0);
  if (!isConfigured && !results.data) return <Empty>{results.loading ? "reading…" : `${symbol} is not configured.`}</Empty>;
  return (
    <>
      {isConfigured ? null : <Empty>{symbol} is not configured any more; this is on record of it.</Empty>}
      <Reading of={results} what="The results">
        {sums && results.data ? (
          <dl class="facts">
            <div><dt>P&amp;L</dt><dd>{figure(sums.total)}</dd></div>
            <div><dt>From the spread</dt><dd>{figure(sums.spread)}</dd></div>
            <div><dt>From inventory</dt><dd>{figure(sums.inventory)}</dd></div>
            <div><dt>Fees paid</dt><dd>{results.data.results.length ? fixed(sums.fees, 2) : NONE}</dd></div>
            <div><dt>Fills, volume</dt><dd>{fills.loading ? "counting…" : `${fills.more ? "over " : ""}${fills.items.length}, ${short(volume)}`}</dd></div>
            <div><dt>Position at the end</dt><dd>{results.data.results.at(-1)?.position ?? NONE}</dd></div>
          </dl>
        ) : null}
        <p class="note quiet">P&amp;L is what the spread captured, plus what the position gained as its price moved, minus fees paid (rebates: below zero); quote currency, full minutes, each {step} added up (UTC).</p>
        {drawn && results.data?.results.length ? (
          <div class="panel charts"><Chart chart={PNL} series={drawn} inUtc /><Chart chart={POSITION} series={drawn} inUtc />{isNow && step === "minute" ? <Quoted symbol={symbol} period={period} /> : null}</div>
        ) : <Empty>No result of a full minute is on record of this period.</Empty>}
        {results.data ? <Markouts rows={results.data.markouts} /> : null}
      </Reading>
      <Worst of={fills} />
      <Presence symbol={symbol} period={period} />
      <p class="note quiet">The same of every symbol as one file, with what became of orders and of the time: <code>market-maker report --from {period.since} --to {period.until} --out report.html</code></p>
    </>
  );
}

/** Our spread as the instance has sampled it; it keeps a day. */
function Quoted({ symbol, period }: { symbol: string; period: Period }) {
  const span = Date.parse(period.until) - Date.parse(period.since) <= SPANS.hour ? "1h" : "1d";
  const series = useRead<Series>(symbolPath(symbol, `/series?span=${span}`));
  return <Reading of={series} what="Our spread">{series.data?.columns.spread_bps?.some((one) => one !== null) ? <Chart chart={SPREAD} series={series.data} inUtc /> : null}</Reading>;
}

function Markouts({ rows }: { rows: Results["markouts"] }) {
  const lines = markoutLines(rows);
  if (!rows.length) return <><h3>Markouts</h3><Empty>No fill of this period has one.</Empty></>;
  return (
    <>
      <h3>Markouts: what fills were worth a while later, in bps; positive is a gain</h3>
      <div class="scroller" tabIndex={0} role="region" aria-label="Markouts">
        <table class="list">
          <thead><tr><th scope="col">Fills</th>{HORIZONS_MS.map((ms) => <th key={ms} scope="col" class="n">after {ms / 1000} s</th>)}<th scope="col" class="n">measured, missing after {(HORIZONS_MS[0] ?? 0) / 1000} s</th></tr></thead>
          <tbody>
            {lines.map(({ side, level, cells }) => (
              <tr key={`${side}${level}`}>
                <th scope="row">{side === null ? "all" : <span class={side === "BUY" ? "bid" : "ask"}>{side === "BUY" ? "► bought" : "◄ sold"}</span>}{side === null ? "" : level === null ? ", level not known" : `, level ${level}`}</th>
                {cells.map((cell) => <td key={cell.horizon_ms} class="n" title={`${signed(cell.usdt, 4)} together, of ${cell.measured} fills; ${cell.missing} have none`}>{cell.bps === null ? NONE : signed(cell.bps.toFixed(6), 2)}</td>)}
                <td class="n">{cells[0]?.measured}, {cells[0]?.missing}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function Worst({ of }: { of: Fills }) {
  const shown = worst(of.items);
  const price = placesOf(shown.map((fill) => fill.price));
  return (
    <>
      <h3>The worst fills, by what they were worth ten seconds later{of.more ? ` (of the latest ${FILLS_MAX}: choose a shorter period for all)` : ""}</h3>
      {of.error ? <p class="note failed" role="alert">The fills could not be read: {of.error}</p> : null}
      {shown.length ? (
        <div class="scroller" tabIndex={0} role="region" aria-label="Worst fills">
          <table class="list">
            <thead><tr><th scope="col">Time, UTC</th><th scope="col">Side</th><th scope="col" class="n">Level</th><th scope="col" class="n">Price</th><th scope="col" class="n">Quantity</th><th scope="col" class="n">Mid then</th><th scope="col" class="n">Worth later</th><th scope="col">After</th></tr></thead>
            <tbody>
              {shown.map((fill) => {
                const found = judged(fill);
                return (
                  <tr key={fill.trade_id + fill.side}>
                    <td><time dateTime={fill.executed_at}>{utc(fill.executed_at).replace(" UTC", "")}</time></td><td class={fill.side === "BUY" ? "bid" : "ask"}>{fill.side === "BUY" ? "► bought" : "◄ sold"}</td><td class="n">{fill.level ?? NONE}</td>
                    <td class="n">{fixed(fill.price, price)}</td><td class="n">{fill.quantity}</td><td class="n">{fixed(fill.mid, fill.mid ? decimals(fill.mid) : 0)}</td><td class="n">{signed(found?.usdt, 4)}</td><td>{(found?.horizon_ms ?? 0) / 1000} s</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      ) : of.error ? null : <Empty>{of.loading ? `Reading fills, ${of.items.length} so far…` : "No fill of this period has a markout."}</Empty>}
    </>
  );
}

interface Fills {
  items: Fill[];
  loading: boolean;
  more: boolean;
  error: string;
}

/** Every fill of a period, latest first, up to a number that a page can bear. */
function useFills(path: string): Fills {
  const [state, set] = useState<Fills>({ items: [], loading: true, more: false, error: "" });
  useEffect(() => {
    const stop = new AbortController();
    const read = async (): Promise<void> => {
      const items: Fill[] = [];
      let cursor: string | null = null;
      do {
        const page: Page<Fill> = await get(cursor ? `${path}&cursor=${cursor}` : path, { signal: stop.signal });
        items.push(...page.items);
        cursor = page.next_cursor;
        set({ items: [...items], loading: cursor !== null, more: false, error: "" });
      } while (cursor !== null && items.length < FILLS_MAX);
      set({ items, loading: false, more: cursor !== null, error: "" });
    };
    read().catch((error) => stop.signal.aborted || isAborted(error) || set((was) => ({ ...was, loading: false, error: said(error) })));
    return () => stop.abort();
  }, [path]);
  return state;
}

/** How its programmes were kept on each UTC day that the period touches. */
function Presence({ symbol, period }: { symbol: string; period: Period }) {
  const days = useMemo(() => daysOf(period, DAYS_MAX), [period]);
  return (
    <>
      <h3>Presence that was promised to the exchange, by UTC day</h3>
      <div class="scroller" tabIndex={0} role="region" aria-label="Presence">
        <table class="list">
          <thead><tr><th scope="col">Day</th><th scope="col">Programme</th><th scope="col" class="n">Present</th><th scope="col" class="n">Promised</th><th scope="col">Of the day</th></tr></thead>
          <tbody>{days.map((day) => <Day key={day} day={day} symbol={symbol} />)}</tbody>
        </table>
      </div>
    </>
  );
}

function Day({ day, symbol }: { day: string; symbol: string }) {
  const read = useRead<ObligationDay>(`/v1/mm/obligations?day=${day}`);
  const mine = read.data?.items.filter((one) => one.symbol === symbol) ?? [];
  if (!mine.length) return <tr><th scope="row">{day}</th><td colSpan={4} class="quiet">{read.error || (read.loading ? "reading…" : "no programme names this symbol")}</td></tr>;
  return (
    <>
      {mine.map((one) => {
        const found = standing(one);
        return (
          <tr key={one.programme + one.tier}>
            <th scope="row">{day}</th><td>{one.programme}, {one.tier}</td><td class="n">{one.share_pct === null ? NONE : `${fixed(one.share_pct, 2)} %`}</td><td class="n">{one.min_share_pct} %</td>
            <td class={found === "lost" ? "danger" : found === "at risk" ? "near" : ""}><span aria-hidden="true">{MARKS[found]}</span> {words(found)}{one.slack < 0 ? `, ${amount(one.measure, -one.slack)} short` : ""}</td>
          </tr>
        );
      })}
    </>
  );
}
