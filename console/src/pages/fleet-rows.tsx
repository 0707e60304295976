// One symbol of the fleet: as a row of the table, or as a card where the screen is narrow.

import { useMemo } from "preact/hooks";
import { hasOwner, loss, position, RANKS, rank, shownState } from "../attention";
import type { Question } from "../dialogs";
import { feed } from "../feed";
import { decimals, duration, fixed, NONE, num, sentence, signed, words } from "../format";
import type { Row } from "../hub";
import { act } from "../log";
import { Bar, StateMark } from "../parts";
import { href } from "../route";
import { may } from "../session";
import { today } from "../today";
import { useInTurn } from "../turns";
import type { Session } from "../types";

const TODAY = `Today counts from 00:00 UTC; ${NONE}: its beginning is not read yet, nothing values the position, or its owner is silent`;

export type Column = "strip" | "spread" | "position" | "pnl" | "loss" | "presence" | "orders" | "age";

export function pause(symbol: string, session: Session): Promise<boolean> {
  return act("pause", [symbol], `pause from the console by ${session.actor ?? "nobody"}`);
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

/** A row with the second at which it is looked at: ages count on while nothing is heard of it. */
function useSecond(row: Row, now: number): { row: Row; now: number } {
  return useMemo(() => ({ row, now }), [row, Math.floor(now / 1_000)]);
}

export function Line(props: LineProps) {
  const { columns, index, chosen, session } = props;
  return useInTurn(useSecond(props.row, props.now), [columns.join(), index, chosen, session], (seen) => <DrawnLine {...props} {...seen} />);
}

function DrawnLine({ row, columns, index, chosen, onChoose, session, onAsk, now }: LineProps) {
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
      <td class="n" title={`${TODAY}. Since the baseline: realized ${signed(summary.pnl.realized, 4)}, fees ${fixed(summary.pnl.fees, 4)} in it; open ${signed(summary.pnl.unrealized, 4)}; baseline ${fixed(summary.pnl.baseline, 4)}`}>
        <b>{signed(today(summary), 2)}</b><small>{signed(summary.pnl.total, 2)} since baseline</small>
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

interface CardProps {
  row: Row;
  top: number;
  session: Session;
  onAsk: (question: Question) => void;
  now: number;
}

export function Card(props: CardProps) {
  return useInTurn(useSecond(props.row, props.now), [props.top, props.session], (seen) => <DrawnCard {...props} {...seen} />);
}

function DrawnCard({ row, top, session, onAsk, now }: CardProps) {
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
        <span>today <b class="n">{signed(today(summary), 2)}</b></span>
      </div>
      <div class="bars">
        <span>position <Bar distance={position(row)} label={`${row.symbol} position`} /></span>
        <span>loss <Bar distance={loss(row)} label={`${row.symbol} loss`} /></span>
      </div>
      <div class="bottom"><small>{place < 4 ? `${sentence(RANKS[place] ?? "")}: ${whyNow(row)}` : `spread ${fixed(summary?.spread_bps, 2)} bps`}</small><Controls row={row} session={session} onAsk={onAsk} /></div>
    </article>
  );
}
