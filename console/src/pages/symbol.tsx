// One symbol: its book with our orders, its charts, and why it quotes what it quotes.

import { useEffect, useRef } from "preact/hooks";
import { symbolPath } from "../api";
import { hasOwner, killPrice, loss, position, shownState } from "../attention";
import type { Question } from "../dialogs";
import { feed, useFeed } from "../feed";
import { duration, fixed, NONE, num, places, short, signed, words } from "../format";
import { Explained } from "../explained";
import { useKeys } from "../keys";
import { Bar, Empty, Reading, StateMark, Time, useRead } from "../parts";
import { go, href } from "../route";
import { may } from "../session";
import { today } from "../today";
import type { Depth, Quotes, Session, Status } from "../types";
import { Charts } from "./charts";
import { pause } from "./fleet-rows";
import { Events, Fills, OpenOrders, Orders } from "./history";
import { Ladder } from "./ladder";
import { Waterfall } from "./waterfall";

const TABS = ["orders", "fills", "why", "events", "history"] as const;
const EVERY_MS = 1_000;

export function SymbolPage({ symbol, tab, session, onAsk }: { symbol: string; tab: string | null; session: Session; onAsk: (question: Question) => void }) {
  useFeed();
  const row = feed.rows.get(symbol);
  const status = useRead<Status>(symbolPath(symbol, "/status"), EVERY_MS);
  const quotes = useRead<Quotes>(symbolPath(symbol, "/quotes"), EVERY_MS);
  const depth = useRead<Depth>(symbolPath(symbol, "/depth?levels=40"), EVERY_MS);
  const open = TABS.includes(tab as (typeof TABS)[number]) ? (tab as (typeof TABS)[number]) : "orders";
  const operate = may(session, "mm:operate");
  const state = row ? shownState(row) : "NO OWNER";
  const below = useRef<HTMLElement>(null);
  useEffect(() => {
    if (tab) below.current?.scrollIntoView({ block: "start" });
  }, [tab]);
  useKeys({
    p: () => operate && state === "ACTIVE" && void pause(symbol, session),
    e: () => operate && onAsk({ verb: "enable", symbols: [symbol] }),
    x: () => go("symbol", symbol, "why"),
    c: () => go("configure", symbol),
  });
  if (!row && feed.complete) return <Empty>{symbol} is not configured. <a href={href("fleet")}>To the fleet</a></Empty>;
  const summary = row?.summary ?? null;
  const tick = places(status.data?.instrument?.tick_size);
  return (
    <section class="symbol" aria-label={symbol}>
      <div class="bar-top">
        <h2>{symbol}</h2>
        <StateMark state={row && (hasOwner(row) || state === "HALTED") ? state : "NO OWNER"} shadow={summary?.shadow_mode ?? false} />
        {summary ? <span class="quiet">for {duration(Date.now() - Date.parse(summary.state.since))}, by {summary.state.actor}: {summary.state.reason}</span> : null}
        <span class="spacer" />
        {state === "HALTED" ? <a class="button" href={href("incidents", symbol)}>Incident</a> : null}
        {state === "ACTIVE" ? (
          <button type="button" disabled={!operate} onClick={() => void pause(symbol, session)}>Pause <kbd>p</kbd></button>
        ) : state === "PAUSED" ? (
          <button type="button" disabled={!operate} title={summary?.enable_problems.map((one) => one.detail).join("; ")} onClick={() => onAsk({ verb: "enable", symbols: [symbol] })}>Enable <kbd>e</kbd></button>
        ) : null}
        <a class="button" href={href("symbol", symbol, "why")}>Why <kbd>x</kbd></a>
        <a class="button" href={href("configure", symbol)}>Configure <kbd>c</kbd></a>
        <button type="button" class="kill quietly" disabled={!may(session, "mm:emergency") || state === "HALTED"} onClick={() => onAsk({ verb: "kill", symbols: [symbol] })}>Kill {symbol}</button>
      </div>
      {summary ? <p class="sentence">{summary.summary}</p> : null}
      <div class="desk">
        <section class="panel" aria-label="Ladder">
          <Reading of={depth} what="The book">
            {depth.data ? <Ladder depth={depth.data} read={depth.at} quotes={quotes.data} tick={tick} mid={summary?.mid ?? null} /> : null}
          </Reading>
        </section>
        <section class="panel charts" aria-label="Charts"><Charts symbol={symbol} /></section>
        <section class="panel" aria-label="Figures">
          {status.data ? <Figures status={status.data} quotes={quotes.data} tick={tick} /> : <Reading of={status} what="The status" />}
          {row ? (
            <dl class="figures bars">
              <div><dt>Position to its limit</dt><dd><Bar distance={position(row)} headroom={num(summary?.market?.position_headroom_pct)} label="Position" /></dd></div>
              <div><dt>Loss to its limit</dt><dd><Bar distance={loss(row)} label="Loss" /></dd></div>
              <div><dt>Loss kills at a mid of</dt><dd>{killPrice(summary, loss(row))}</dd></div>
              <div><dt>Position kills at a mid of</dt><dd>{killPrice(summary, position(row))}</dd></div>
            </dl>
          ) : null}
        </section>
      </div>
      <nav class="tabs" aria-label="Of this symbol" ref={below}>
        {TABS.map((name) => <a key={name} href={href("symbol", symbol, name)} aria-current={name === open ? "page" : undefined}>{name}</a>)}
      </nav>
      <div class="below" tabIndex={0} role="region" aria-label={open}>
        {open === "orders" ? <OpenOrders of={status} tick={tick} /> : null}
        {open === "fills" ? <Fills symbol={symbol} tick={tick} /> : null}
        {open === "why" ? <Reading of={quotes} what="The quotes">{quotes.data ? <Waterfall quotes={quotes.data} tick={tick} /> : null}</Reading> : null}
        {open === "events" ? <Events symbol={symbol} /> : null}
        {open === "history" ? <Orders symbol={symbol} tick={tick} /> : null}
      </div>
    </section>
  );
}

function Figures({ status, quotes, tick }: { status: Status; quotes: Quotes | null; tick: number }) {
  const { pnl, counters } = status;
  const active = Number(counters.active_ms ?? 0);
  const two = Number(counters.two_sided_ms ?? 0);
  const currency = status.instrument?.quote_currency ?? "";
  return (
    <dl class="figures">
      <Explained name="Mid" value={fixed(status.mid, tick + 1)} how={`The middle of others' best bid and ask, our own orders taken out. Source: ${status.mid_source || "none"}; book ${status.book.sequence}, ${status.book.age_ms ?? NONE} ms old when read.`} />
      <Explained name="Our spread" value={`${fixed(status.spread_bps, 2)} bps`} how="Innermost resting ask minus innermost resting bid, over the mid." />
      <Explained name="Volatility factor" value={fixed(quotes?.quote?.volatility_factor, 3)} how="Widens the base spread; 1 in a market that moves as usual." />
      <Explained name="Position" value={signed(status.position, 5)} how={`Sum of all fills, ${status.instrument?.base_currency ?? "base currency"}; average entry ${fixed(status.average_entry, tick + 1)}.`} />
      <Explained name="Inventory" value={`${signed(status.inventory_usdt, 2)} ${currency}`} how="The position valued at the mid." />
      <Explained name="P&L today" value={signed(today(status), 2)} how="What it came to since 00:00 UTC, realized and open, fees subtracted; the baseline is not in it. Counted from the last full minute of the day before." />
      <Explained name="P&L since the baseline" value={signed(pnl.total, 2)} how={`Realized ${signed(pnl.realized, 4)} (fees ${fixed(pnl.fees, 4)} subtracted) plus open ${signed(pnl.unrealized, 4)} minus baseline ${fixed(pnl.baseline, 4)}; valued at ${fixed(pnl.price, tick)} (${pnl.price_source || "no price"}${pnl.price_age_ms === null ? "" : `, ${duration(pnl.price_age_ms)} old`}).`} />
      <Explained name="realized, open" value={`${signed(pnl.realized, 2)}  ${signed(pnl.unrealized, 2)}`} how="Realized when a position is closed, fees subtracted; open is what closing now at the valuation price would give." />
      <Explained name="Volume" value={`${short(num(status.volume_usdt))} ${currency}`} how={`${status.fill_count} fills in all.`} />
      <Explained name="Both sides" value={active ? `${((100 * two) / active).toFixed(2)} %` : NONE} how={`Time with an order on each side, ${duration(two)}, over the time ACTIVE, ${duration(active)}; since this process started.`} />
      <Explained name="Placed, cancelled, filled" value={`${counters.orders_placed} / ${counters.orders_cancelled} / ${counters.fills}`} how={`Since this process started; ${counters.orders_rejected} rejected, ${counters.orders_would_cross} of them because they would have crossed.`} />
      <div><dt>Owner</dt><dd>{status.owner ?? "none"}</dd></div>
      {status.kill ? <div class="danger"><dt>Kill</dt><dd>{words(status.kill.reason)} <Time at={status.kill.since} /></dd></div> : null}
    </dl>
  );
}
