// All symbols, what needs attention first. Only the rows in sight are drawn.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { loss, position, rank } from "../attention";
import type { Question } from "../dialogs";
import { feed, useFeed } from "../feed";
import { num, sentence, short } from "../format";
import type { Row } from "../hub";
import { useKeys } from "../keys";
import { Bar, Empty } from "../parts";
import { go, href } from "../route";
import { may } from "../session";
import { today } from "../today";
import type { Glance, Session } from "../types";
import { ageMs, Card, type Column, Line, pause } from "./fleet-rows";

const ROW_PX = 40;
const CARD_PX = 128;
const BEYOND = 6; // rows drawn outside of what is in sight

type SortKey = "attention" | "symbol" | "position" | "loss" | "pnl" | "spread" | "age";

const COLUMNS: { key: Column; name: string; sort?: SortKey; numeric?: boolean }[] = [
  { key: "strip", name: "Quotes in the market" },
  { key: "spread", name: "Spread, bps", sort: "spread", numeric: true },
  { key: "position", name: "Position and limit", sort: "position" },
  { key: "pnl", name: "P&L today", sort: "pnl", numeric: true },
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
      <Empty>reading…</Empty>
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
      <Around glance={feed.glance} />
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

/** What stands around the symbols: how far the limits over all of them are, instances, guard, lag. */
function Around({ glance }: { glance: Glance | null }) {
  if (!glance) return null;
  const { guards, lag_ms, silent, instances } = glance;
  return (
    <dl class="around">
      {glance.house_limits.map(({ name, limit_usdt, worst_usdt, left_usdt, unknown }) => (
        <div key={name} class={num(left_usdt) < 0 ? "danger" : ""}>
          <dt>{sentence(name)}</dt>
          <dd>
            <Bar label={`${sentence(name)} over all symbols`} distance={{ used: num(worst_usdt) / num(limit_usdt), value: num(worst_usdt), limit: num(limit_usdt), price: null }} />
            {short(num(worst_usdt))} of {short(num(limit_usdt))}{unknown.length ? ` (not known: ${unknown.join(", ")})` : ""}
          </dd>
        </div>
      ))}
      <div class={silent.length ? "danger" : ""}><dt>Instances</dt><dd>{instances}{silent.length ? ` (silent: ${silent.join(", ")})` : ""}</dd></div>
      <div><dt>Guard</dt><dd>{guards === null ? "not known" : guards || "none"}</dd></div>
      <div class={lag_ms === null ? "near" : ""}><dt title="Of this instance behind its slowest topic">Lag</dt><dd>{lag_ms === null ? "not measurable" : `${(lag_ms / 1000).toFixed(1)} s`}</dd></div>
    </dl>
  );
}

/** A height by script: the page's policy allows no style attributes. */
function sized(px: number) {
  return (element: HTMLElement | null): void => {
    if (element) element.style.height = `${px}px`;
  };
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

const VALUES: Record<Exclude<SortKey, "attention" | "symbol">, (row: Row, now: number) => number> = {
  position: (row) => position(row)?.used ?? -1,
  loss: (row) => loss(row)?.used ?? -1,
  pnl: (row) => num(today(row.summary)),
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
