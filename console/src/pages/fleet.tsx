// All symbols, what needs attention first. Only the rows in sight are drawn.

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { hasOwner, loss, position, RANKS, rank, shownState } from "../attention";
import type { Question } from "../dialogs";
import { feed, useFeed } from "../feed";
import { decimals, duration, fixed, NONE, num, sentence, signed, words } from "../format";
import type { Row } from "../hub";
import { useKeys } from "../keys";
import { act } from "../log";
import { Bar, Empty, StateMark } from "../parts";
import { go, href } from "../route";
import { may } from "../session";
import type { Session } from "../types";

const ROW_PX = 40;
const CARD_PX = 128;
const BEYOND = 6; // rows drawn outside of what is in sight

type SortKey = "attention" | "symbol" | "position" | "loss" | "pnl" | "spread" | "age";
type Column = "strip" | "spread" | "position" | "pnl" | "loss" | "presence" | "orders" | "age";

const COLUMNS: { key: Column; name: string; sort?: SortKey; numeric?: boolean }[] = [
  { key: "strip", name: "Quotes in the market" },
  { key: "spread", name: "Spread, bps", sort: "spread", numeric: true },
  { key: "position", name: "Position and limit", sort: "position" },
  { key: "pnl", name: "P&L: realized, open", sort: "pnl", numeric: true },
  { key: "loss", name: "Loss and limit", sort: "loss" },
  { key: "presence", name: "Both sides", numeric: true },
  { key: "orders", name: "Orders, fills", numeric: true },
  { key: "age", name: "Data age", sort: "age", numeric: true },
];

interface Kept {
  sort: SortKey;
  down: boolean;
  hidden: Column[];
}

const STORE = "mm-fleet";

function kept(): Kept {
  const standard: Kept = { sort: "attention", down: false, hidden: [] };
  try {
    return { ...standard, ...(JSON.parse(localStorage.getItem(STORE) ?? "{}") as Partial<Kept>) };
  } catch {
    return standard;
  }
}

export function Fleet({ session, find, onAsk }: { session: Session; find: string; onAsk: (question: Question) => void }) {
  useFeed();
  const [view, setView] = useState(kept);
  const [chosen, choose] = useState<string | null>(null);
  const narrow = useNarrow();
  const now = Date.now();
  const rows = sorted([...feed.rows.values()].filter((row) => row.symbol.includes(find.trim().toUpperCase())), view, now);
  const keep = (next: Kept): void => {
    localStorage.setItem(STORE, JSON.stringify(next));
    setView(next);
  };
  const at = rows.findIndex((row) => row.symbol === chosen);
  const current = rows[at];
  const scroller = useRef<HTMLDivElement>(null);
  const height = narrow ? CARD_PX : ROW_PX;
  const step = (by: number): void => {
    const next = rows[Math.min(rows.length - 1, Math.max(0, at + by))];
    if (next) choose(next.symbol);
  };
  const operate = may(session, "mm:operate");
  useKeys({
    j: () => step(1),
    k: () => step(at < 0 ? 1 : -1),
    ArrowDown: () => step(1),
    ArrowUp: () => step(-1),
    Enter: () => current && go("symbol", current.symbol),
    x: () => current && go("symbol", current.symbol, "why"),
    c: () => current && go("symbol", current.symbol, "configure"),
    p: () => current && operate && void pause(current.symbol, session),
    e: () => current && operate && onAsk({ verb: "enable", symbols: [current.symbol] }),
  });
  const seen = useSeen(scroller, rows.length, height);
  useLayoutEffect(() => {
    if (at < 0 || !scroller.current) return;
    const box = scroller.current;
    const head = narrow ? 0 : 32;
    const top = at * height;
    if (top < box.scrollTop) box.scrollTop = top;
    else if (top + height > box.scrollTop + box.clientHeight - head) box.scrollTop = top + height - box.clientHeight + head;
  }, [at, height, narrow]);
  const columns = COLUMNS.filter((column) => !view.hidden.includes(column.key));
  if (!feed.rows.size) {
    return feed.complete ? (
      <Empty>No symbol is configured. {operate ? <a href={href("new")}>Configure the first one</a> : "An operator may configure one."}</Empty>
    ) : (
      <Empty>Waiting for the first picture of the fleet…</Empty>
    );
  }
  const shown = rows.slice(seen.first, seen.last);
  return (
    <section class="fleet" aria-label="Fleet">
      <div class="tools">
        <p class="quiet">
          {rows.length === feed.rows.size ? `${rows.length} symbols` : `${rows.length} of ${feed.rows.size} symbols match “${find}”`}
          {view.sort === "attention" ? ", what needs attention first" : ""}
        </p>
        <label>
          Sort{" "}
          <select value={view.sort} onChange={(event) => keep({ ...view, sort: event.currentTarget.value as SortKey, down: event.currentTarget.value !== "symbol" })}>
            {(["attention", "symbol", "position", "loss", "pnl", "spread", "age"] as const).map((key) => <option key={key} value={key}>{key}</option>)}
          </select>
        </label>
        <details class="pop">
          <summary>Columns</summary>
          <div class="menu">
            {COLUMNS.map(({ key, name }) => (
              <label key={key} class="check">
                <input
                  type="checkbox" checked={!view.hidden.includes(key)}
                  onChange={() => keep({ ...view, hidden: view.hidden.includes(key) ? view.hidden.filter((one) => one !== key) : [...view.hidden, key] })}
                />{" "}{name}
              </label>
            ))}
          </div>
        </details>
        <span class="spacer" />
        {operate ? <button type="button" onClick={() => onAsk({ verb: "pause", symbols: null })}>Pause all</button> : null}
        {operate ? <button type="button" onClick={() => onAsk({ verb: "resume", symbols: null })}>Resume all</button> : null}
        {operate ? <a class="button" href={href("new")}>Add a symbol</a> : null}
      </div>
      <div class="scroller" ref={scroller} tabIndex={0} role="region" aria-label="Symbols, scrollable">
        {narrow ? (
          <div class="cards" ref={sized(rows.length * height)}>
            {shown.map((row, index) => <Card key={row.symbol} row={row} top={(seen.first + index) * height} session={session} onAsk={onAsk} now={now} />)}
          </div>
        ) : (
          <table aria-rowcount={rows.length + 1}>
            <thead>
              <tr aria-rowindex={1}>
                <Head name="Symbol" column="symbol" sort="symbol" view={view} keep={keep} />
                {columns.map(({ key, ...column }) => <Head key={key} column={key} {...column} view={view} keep={keep} />)}
                <th scope="col" class="c-control">Control</th>
              </tr>
            </thead>
            <tbody>
              {seen.first ? <tr aria-hidden="true"><td class="gap" colSpan={columns.length + 2} ref={sized(seen.first * height)} /></tr> : null}
              {shown.map((row, index) => (
                <Line
                  key={row.symbol} row={row} columns={columns.map((one) => one.key)} index={seen.first + index + 2}
                  chosen={row.symbol === chosen} onChoose={() => choose(row.symbol)} session={session} onAsk={onAsk} now={now}
                />
              ))}
              {seen.last < rows.length ? <tr aria-hidden="true"><td class="gap" colSpan={columns.length + 2} ref={sized((rows.length - seen.last) * height)} /></tr> : null}
            </tbody>
          </table>
        )}
      </div>
    </section>
  );
}

/** A height by script: the page's policy allows no style attributes. */
function sized(px: number) {
  return (element: HTMLElement | null): void => {
    if (element) element.style.height = `${px}px`;
  };
}

export function pause(symbol: string, session: Session): Promise<boolean> {
  return act("pause", [symbol], `pause from the console by ${session.actor ?? "nobody"}`);
}

function Head({ name, column, sort, numeric, view, keep }: { name: string; column: string; sort?: SortKey; numeric?: boolean; view: Kept; keep: (next: Kept) => void }) {
  const on = sort !== undefined && view.sort === sort;
  return (
    <th scope="col" class={`c-${column}${numeric ? " n" : ""}`} aria-sort={on ? (view.down ? "descending" : "ascending") : undefined}>
      {sort ? (
        <button type="button" class="plain" onClick={() => keep({ ...view, sort, down: on ? !view.down : sort !== "symbol" })}>
          {name}{on ? (view.down ? " ▾" : " ▴") : ""}
        </button>
      ) : name}
    </th>
  );
}

interface LineProps {
  row: Row;
  columns: Column[];
  index: number;
  chosen: boolean;
  onChoose: () => void;
  session: Session;
  onAsk: (question: Question) => void;
  now: number;
}

function Line({ row, columns, index, chosen, onChoose, session, onAsk, now }: LineProps) {
  const place = rank(row, feed.quietSince.get(row.symbol), now);
  return (
    <tr class={`${place < 4 ? "trouble" : ""} ${chosen ? "chosen" : ""}`} aria-rowindex={index} aria-selected={chosen} onClick={onChoose}>
      <th scope="row">
        <a href={href("symbol", row.symbol)}>{row.symbol}</a>
        <StateMark state={hasOwner(row) || shownState(row) === "HALTED" ? shownState(row) : "NO OWNER"} shadow={row.summary?.shadow_mode ?? false} />
        {place < 4 ? <small title={whyNow(row)}>{RANKS[place]}: {whyNow(row)}</small> : null}
      </th>
      {columns.map((column) => <Cell key={column} row={row} column={column} now={now} />)}
      <td class="control"><Controls row={row} session={session} onAsk={onAsk} /></td>
    </tr>
  );
}

function whyNow(row: Row): string {
  const { summary, missing } = row;
  if (summary?.kill) return `${words(summary.kill.reason)}${summary.kill.threshold && summary.kill.reason !== "MANUAL" ? `, ${summary.kill.measured} against ${summary.kill.threshold}` : `, ${summary.kill.measured}`}`;
  if (summary && summary.owner_silent_ms !== null) return `${summary.owner ?? "its owner"} is silent`;
  if (summary) return summary.summary.replace(/^[A-Z]+( \(shadow[^)]*\))?[,:] ?/, "");
  return missing?.reason ?? "no instance shows it";
}

function Cell({ row, column, now }: { row: Row; column: Column; now: number }) {
  const { summary } = row;
  if (!summary) return <td class={`n quiet ${column}`}>{NONE}</td>;
  const { market } = summary;
  switch (column) {
    case "strip": return <td class="strip"><Strip row={row} /></td>;
    case "spread": return <td class="n">{fixed(summary.spread_bps, 2)}</td>;
    case "position": return (
      <td>
        <span class="pair"><span class="n">{short5(summary.position)}</span><Bar distance={position(row)} headroom={num(market?.position_headroom_pct)} label={`${row.symbol} position`} /></span>
      </td>
    );
    case "pnl": return (
      <td class="n" title={`realized ${signed(summary.pnl.realized, 4)}, fees ${fixed(summary.pnl.fees, 4)} in it; open ${signed(summary.pnl.unrealized, 4)}; baseline ${fixed(summary.pnl.baseline, 4)}`}>
        <b>{signed(summary.pnl.total, 2)}</b><small>{signed(summary.pnl.realized, 2)} {signed(summary.pnl.unrealized, 2)}</small>
      </td>
    );
    case "loss": return <td><Bar distance={loss(row)} label={`${row.symbol} loss`} /></td>;
    case "presence": return (
      <td class="n presence" title="Share of the time ACTIVE with an order on each side, since this process started">
        {market && market.active_ms ? `${((100 * market.two_sided_ms) / market.active_ms).toFixed(1)} %` : NONE}
      </td>
    );
    case "orders": return (
      <td class="n orders" title={summary.open_orders_at_exchange === null ? "The exchange is not asked for its list while quoting" : `${summary.open_orders_at_exchange} at the exchange`}>
        {summary.open_orders}{summary.unknown_orders ? <span class="danger"> ({summary.unknown_orders} unknown)</span> : null}<small>{summary.fill_count} fills</small>
      </td>
    );
    case "age": return <td class="n"><Age row={row} now={now} /></td>;
  }
}

function short5(value: string): string {
  return signed(value, Math.min(5, Math.max(2, decimals(value))));
}

export function ageMs(row: Row, now: number): number {
  const summary = row.summary;
  if (!summary) return Number.NaN;
  return (summary.owner_silent_ms ?? summary.book.age_ms ?? 0) + Math.max(0, now - row.heard);
}

function Age({ row, now }: { row: Row; now: number }) {
  const summary = row.summary;
  const age = ageMs(row, now);
  if (summary && !summary.book.valid) return <span class={summary.state.value === "ACTIVE" ? "danger" : "quiet"} title={summary.book.reason}>no book<small>{summary.book.reason}</small></span>;
  return <span class={age > 10_000 ? "near" : ""}>{duration(age)}</span>;
}

/** Our bid and ask against the others', to scale: a third of the width is others' spread or ours, whichever is wider. */
export function Strip({ row }: { row: Row }) {
  const { summary } = row;
  const market = summary?.market;
  const scale = useMemo(() => {
    if (!market || !summary) return null;
    const prices = [market.our_bid, market.others_bid, market.others_ask, market.our_ask].map(num);
    const known = prices.filter(Number.isFinite);
    if (known.length < 2) return null;
    const low = Math.min(...known);
    const span = Math.max(...known) - low || 1;
    const x = (price: number): number => 4 + ((price - low) / span) * 92;
    return { prices, x, mid: num(summary.mid) };
  }, [market?.our_bid, market?.our_ask, market?.others_bid, market?.others_ask, summary?.mid]);
  if (!market || !scale) return <span class="quiet">{summary && !summary.book.valid ? "no valid book" : "no quotes"}</span>;
  const [ourBid = Number.NaN, bid = Number.NaN, ask = Number.NaN, ourAsk = Number.NaN] = scale.prices;
  const label = `ours ${market.our_bid ?? "none"} / ${market.our_ask ?? "none"}, others ${market.others_bid ?? "none"} / ${market.others_ask ?? "none"}`;
  const mark = (price: number, kind: string) => (Number.isFinite(price) ? <rect class={kind} x={scale.x(price) - 1} y={kind.startsWith("our") ? 1 : 5} width="2" height={kind.startsWith("our") ? 14 : 6} /> : null);
  return (
    <span class="stripbox" title={label}>
      <span class="price bid">{fixed(market.our_bid, decimals(market.our_bid))}</span>
      <svg viewBox="0 0 100 16" preserveAspectRatio="none" role="img" aria-label={label}>
        <rect class="track" x="4" y="7.5" width="92" height="1" />
        {mark(bid, "bid")}{mark(ask, "ask")}{mark(ourBid, "our-bid")}{mark(ourAsk, "our-ask")}
        {Number.isFinite(scale.mid) ? <rect class="mid" x={Math.min(96, Math.max(4, scale.x(scale.mid))) - 0.3} y="3" width="0.6" height="10" /> : null}
      </svg>
      <span class="price ask">{fixed(market.our_ask, decimals(market.our_ask))}</span>
    </span>
  );
}

function Controls({ row, session, onAsk }: { row: Row; session: Session; onAsk: (question: Question) => void }) {
  const state = shownState(row);
  const operate = may(session, "mm:operate");
  const lacks = operate ? undefined : "needs the role mm:operate";
  const symbols = [row.symbol];
  return (
    <>
      {state === "ACTIVE" ? (
        <button type="button" disabled={!operate} title={lacks} aria-label={`Pause ${row.symbol}`} onClick={() => void pause(row.symbol, session)}>Pause</button>
      ) : state === "HALTED" ? (
        <a class="button" href={href("incidents", row.symbol)} aria-label={`Incident of ${row.symbol}`}>Incident</a>
      ) : (
        <button
          type="button" disabled={!operate || !row.summary} aria-label={`Enable ${row.symbol}`}
          title={lacks ?? row.summary?.enable_problems.map((one) => one.detail).join("; ")} onClick={() => onAsk({ verb: "enable", symbols })}
        >Enable</button>
      )}
      <button
        type="button" class="kill quietly" disabled={!may(session, "mm:emergency") || state === "HALTED"} aria-label={`Kill ${row.symbol}`}
        onClick={() => onAsk({ verb: "kill", symbols })}
      >Kill</button>
    </>
  );
}

function Card({ row, top, session, onAsk, now }: { row: Row; top: number; session: Session; onAsk: (question: Question) => void; now: number }) {
  const { summary } = row;
  const place = rank(row, feed.quietSince.get(row.symbol), now);
  const put = (element: HTMLElement | null): void => {
    if (element) element.style.transform = `translateY(${top}px)`;
  };
  return (
    <article class={`card ${place < 4 ? "trouble" : ""}`} ref={put}>
      <div class="top">
        <a href={href("symbol", row.symbol)}>{row.symbol}</a>
        <StateMark state={hasOwner(row) || shownState(row) === "HALTED" ? shownState(row) : "NO OWNER"} shadow={summary?.shadow_mode ?? false} />
        <b class="n">{signed(summary?.pnl.total, 2)}</b>
      </div>
      <div class="bars">
        <span>position <Bar distance={position(row)} label={`${row.symbol} position`} /></span>
        <span>loss <Bar distance={loss(row)} label={`${row.symbol} loss`} /></span>
      </div>
      <div class="bottom"><small>{place < 4 ? `${sentence(RANKS[place] ?? "")}: ${whyNow(row)}` : `spread ${fixed(summary?.spread_bps, 2)} bps`}</small><Controls row={row} session={session} onAsk={onAsk} /></div>
    </article>
  );
}

const VALUES: Record<Exclude<SortKey, "attention" | "symbol">, (row: Row, now: number) => number> = {
  position: (row) => position(row)?.used ?? -1,
  loss: (row) => loss(row)?.used ?? -1,
  pnl: (row) => num(row.summary?.pnl.total),
  spread: (row) => num(row.summary?.spread_bps),
  age: ageMs,
};

export function sorted(rows: Row[], view: Pick<Kept, "sort" | "down">, now: number): Row[] {
  const by = (row: Row): number => {
    if (view.sort === "attention") return rank(row, feed.quietSince.get(row.symbol), now);
    if (view.sort === "symbol") return 0;
    const value = VALUES[view.sort](row, now);
    const known = Number.isFinite(value) ? value : Number.NEGATIVE_INFINITY;
    return view.down ? -known : known;
  };
  const keyed = rows.map((row) => [by(row), row] as const);
  keyed.sort(([a, one], [b, other]) => a - b || (one.symbol < other.symbol ? -1 : 1));
  const found = keyed.map(([, row]) => row);
  return view.sort === "symbol" && view.down ? found.reverse() : found;
}

/** Which rows are in sight. */
function useSeen(scroller: { current: HTMLElement | null }, count: number, height: number): { first: number; last: number } {
  const [range, set] = useState({ first: 0, last: 40 });
  useEffect(() => {
    const box = scroller.current;
    if (!box) return;
    const look = (): void => {
      const first = Math.max(0, Math.floor(box.scrollTop / height) - BEYOND);
      const last = Math.ceil((box.scrollTop + box.clientHeight) / height) + BEYOND;
      set((was) => (was.first === first && was.last === last ? was : { first, last }));
    };
    look();
    box.addEventListener("scroll", look, { passive: true });
    const sizes = new ResizeObserver(look);
    sizes.observe(box);
    return () => {
      box.removeEventListener("scroll", look);
      sizes.disconnect();
    };
  }, [count > 0, height]);
  return { first: Math.min(range.first, Math.max(0, count - 1)), last: Math.min(count, range.last) };
}

function useNarrow(): boolean {
  const query = "(max-width: 760px)";
  const [narrow, set] = useState(matchMedia(query).matches);
  useEffect(() => {
    const media = matchMedia(query);
    const changed = (): void => set(media.matches);
    media.addEventListener("change", changed);
    return () => media.removeEventListener("change", changed);
  }, []);
  return narrow;
}
