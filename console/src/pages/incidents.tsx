// Each kill: what was measured, what was allowed, what happened around it, and the way back.

import { useEffect, useRef, useState } from "preact/hooks";
import { symbolPath } from "../api";
import type { Question } from "../dialogs";
import { feed, useFeed } from "../feed";
import { duration, fixed, NONE, sentence, signed, words } from "../format";
import { prose } from "../prose";
import { Reading, StateMark, Time, useRead } from "../parts";
import { href } from "../route";
import { may } from "../session";
import { List, usePages } from "./history";
import type { EventRecord, Fill, IncidentRecord, OrderRecord, Page, Session, Summary } from "../types";

const AROUND_MS = 60_000;

export function Incidents({ symbol, session, onAsk }: { symbol: string | null; session: Session; onAsk: (question: Question) => void }) {
  useFeed();
  const halted = [...feed.rows.values()].filter((row) => row.summary?.kill ?? row.missing?.state === "HALTED");
  halted.sort((one, other) => (other.summary?.kill?.since ?? "").localeCompare(one.summary?.kill?.since ?? ""));
  const row = symbol ? feed.rows.get(symbol) : undefined;
  return (
    <section class="incidents" aria-label="Incidents">
      <nav class="side" aria-label="Halted symbols">
        <h2>Halted now</h2>
        {halted.length ? null : <p class="quiet">{feed.complete ? "No kill switch is latched." : "reading…"}</p>}
        <ul>
          {halted.map((one) => (
            <li key={one.symbol}>
              <a href={href("incidents", one.symbol)} aria-current={one.symbol === symbol ? "page" : undefined}>
                <b>{one.symbol}</b> {one.summary?.kill ? <>{words(one.summary.kill.reason)} <Time at={one.summary.kill.since} /></> : one.missing?.reason}
              </a>
            </li>
          ))}
        </ul>
        {halted.length > 1 && may(session, "mm:emergency") ? <button type="button" onClick={() => onAsk({ verb: "reset", symbols: halted.map((one) => one.symbol) })}>Reset all of them</button> : null}
        <p><a href={href("incidents")} aria-current={symbol ? undefined : "page"}>The latest of all symbols</a></p>
        <h2>Earlier, by symbol</h2>
        <ul class="quietly">{[...feed.rows.keys()].sort().map((name) => <li key={name}><a href={href("incidents", name)}>{name}</a></li>)}</ul>
      </nav>
      <div class="incident">
        {row?.summary?.kill ? <Incident summary={row.summary} session={session} onAsk={onAsk} /> : symbol && feed.complete ? <p class="note quiet">{symbol} is not halted by a kill that an instance shows.</p> : null}
        {symbol ? <Earlier symbol={symbol} /> : <Latest />}
      </div>
    </section>
  );
}

/** Every kill switch that fired lately, of all symbols; drills too. */
function Latest() {
  const pages = usePages<IncidentRecord>("/v1/mm/incidents");
  const now = useRef("");
  const latched = [...feed.rows.values()].map((row) => row.summary?.kill?.since ?? "").sort().join();
  useEffect(() => {
    if (now.current && now.current !== latched) pages.anew();
    now.current = latched;
  }, [latched]);
  return (
    <>
      <div class="bar-top"><h2>The latest incidents of all symbols</h2></div>
      <List
        pages={pages} what="incidents" stacks
        head={<>{["When", "Symbol", "Why", "Measured", "Allowed", "Now"].map((name) => <th key={name} scope="col">{name}</th>)}{["Open then", "Position", "P&L"].map((name) => <th key={name} scope="col" class="n">{name}</th>)}</>}
        line={(one) => {
          const kill = feed.rows.get(one.symbol)?.summary?.kill;
          const stands = kill !== null && kill !== undefined && Math.abs(Date.parse(kill.since) - Date.parse(one.occurred_at)) < 1_000;
          return (
            <tr key={one.event_id}>
              <td><Time at={one.occurred_at} /></td><th scope="row"><a href={href("incidents", one.symbol)}>{one.symbol}</a></th><td data-name="Why">{words(one.reason)}</td><td class="wrap" data-name="Measured">{one.measured}</td>
              <td class="wrap" data-name="Allowed">{one.threshold || NONE}</td><td class={stands ? "danger" : "quiet"} data-name="Now">{stands ? "■ HALTED" : "over"}</td>
              <td class="n" data-name="Open then">{one.open_orders}</td><td class="n" data-name="Position">{one.position}</td><td class="n" data-name="P&L">{signed(one.pnl_usdt, 2)}</td>
            </tr>
          );
        }}
      />
    </>
  );
}

function Incident({ summary, session, onAsk }: { summary: Summary; session: Session; onAsk: (question: Question) => void }) {
  const kill = summary.kill;
  const [understood, setUnderstood] = useState(false);
  const advice = useRead<Record<string, string>>("/console/runbook.json");
  if (!kill) return null;
  const since = Date.parse(kill.since);
  const zero = summary.proven_zero_since === null ? null : Date.parse(summary.proven_zero_since) - since;
  const emergency = may(session, "mm:emergency");
  const checks: [string, boolean][] = [
    [summary.proven_zero_since ? "The exchange has proven that no order of ours is open" : "The exchange has not yet proven that no order of ours is open", summary.proven_zero_since !== null],
    [summary.unknown_orders ? `${summary.unknown_orders} orders are of unknown fate` : "No order is of unknown fate", summary.unknown_orders === 0],
  ];
  const ready = checks.every(([, ok]) => ok) && understood;
  return (
    <>
      <div class="bar-top">
        <h2><a href={href("symbol", summary.symbol)}>{summary.symbol}</a> {sentence(words(kill.reason))}</h2>
        <StateMark state={summary.state.value} />
      </div>
      <dl class="facts">
        <div><dt>Measured</dt><dd class="danger">{kill.measured}</dd></div>
        <div><dt>Allowed</dt><dd>{kill.reason === "MANUAL" ? "a person's decision" : kill.threshold || "no limit: it is a failure"}</dd></div>
        <div><dt>Killed</dt><dd><Time at={kill.since} />, {duration(Date.now() - since)} ago, by {summary.state.actor}</dd></div>
        <div><dt>To proven zero</dt><dd>{zero === null ? "not proven yet" : zero < 0 ? "nothing was open" : zero < 1000 ? `${zero} ms` : duration(zero)}</dd></div>
        <div><dt>Position, P&L</dt><dd>{summary.position}, {fixed(summary.pnl.total, 2)}</dd></div>
      </dl>
      <div class="two">
        <Timeline symbol={summary.symbol} at={kill.since} />
        <div>
          <h3>What the runbook says</h3>
          <Reading of={advice} what="The runbook">{prose(advice.data?.[kill.reason] ?? "Nothing of this reason.")}</Reading>
          <h3>The way back</h3>
          <ul class="checks">
            {checks.map(([text, ok]) => <li key={text} class={ok ? "" : "danger"}><span aria-hidden="true">{ok ? "✓" : "✕"}</span> {text}</li>)}
            <li><label class="check"><input type="checkbox" checked={understood} disabled={!emergency} onChange={(event) => setUnderstood(event.currentTarget.checked)} /> I know why it was killed, and that is over</label></li>
          </ul>
          <button type="button" class="primary" disabled={!ready || !emergency} title={emergency ? "" : "needs the role mm:emergency"} onClick={() => onAsk({ verb: "reset", symbols: [summary.symbol] })}>Reset {summary.symbol}</button>
          {summary.enable_problems.length ? <p class="quiet">After the reset, enable would still wait for: {summary.enable_problems.filter((one) => !["KILL_SWITCH", "HALTED"].includes(one.code)).map((one) => one.detail).join("; ") || "nothing"}</p> : null}
        </div>
      </div>
    </>
  );
}

/** Orders, fills and events of a minute before and after, with their distance to the kill. */
function Timeline({ symbol, at }: { symbol: string; at: string }) {
  const middle = Date.parse(at);
  const period = `since=${new Date(middle - AROUND_MS).toISOString()}&until=${new Date(middle + AROUND_MS).toISOString()}&limit=200`;
  const orders = useRead<Page<OrderRecord>>(symbolPath(symbol, `/orders?${period}`));
  const fills = useRead<Page<Fill>>(symbolPath(symbol, `/fills?${period}`));
  const events = useRead<Page<EventRecord>>(symbolPath(symbol, `/events?${period}`));
  const lines: { at: string; kind: string; text: string }[] = [
    ...(orders.data?.items ?? []).flatMap((order) => {
      const name = `${order.side.toLowerCase()} ${order.price} x ${order.quantity}, level ${order.level}`;
      const made = { at: order.created_at, kind: "order", text: `${name} placed` };
      const ended = ["filled", "cancelled", "rejected"].includes(order.status) ? [{ at: order.updated_at, kind: order.status, text: `${name} ${order.status}${order.reason ? `: ${order.reason}` : ""}` }] : [];
      return [made, ...ended];
    }),
    ...(fills.data?.items ?? []).map((fill) => ({ at: fill.executed_at, kind: "fill", text: `${fill.side === "BUY" ? "bought" : "sold"} ${fill.quantity} at ${fill.price}` })),
    ...(events.data?.items ?? []).map((event) => ({ at: event.occurred_at, kind: "event", text: String(event.event_type.includes("state") ? `${event.data.from ?? event.data.from_state ?? ""} to ${event.data.to ?? event.data.to_state ?? ""}: ${event.data.reason ?? ""}` : `kill: ${event.data.reason ?? event.data.trigger ?? ""} ${event.data.measured ?? ""}`) })),
  ].sort((one, other) => one.at.localeCompare(other.at));
  const cut = [orders, fills, events].some((one) => one.data?.next_cursor);
  return (
    <div>
      <h3>A minute before and after</h3>
      <Reading of={orders} what="Orders" /><Reading of={fills} what="Fills" /><Reading of={events} what="Events" />
      {cut ? <p class="near">There was more than 200 of a kind; the oldest are not shown. The symbol's own lists have them all.</p> : null}
      <ol class="timeline" tabIndex={0} aria-label="Timeline">
        {lines.map((line, index) => {
          const away = Date.parse(line.at) - middle;
          return <li key={index} class={away >= 0 && (index === 0 || Date.parse(lines[index - 1]?.at ?? "") < middle) ? "zero" : ""}><span class="n">{away < 0 ? "−" : "+"}{(Math.abs(away) / 1000).toFixed(3)} s</span> <b>{line.kind}</b> {line.text}</li>;
        })}
      </ol>
    </div>
  );
}

function Earlier({ symbol }: { symbol: string }) {
  const events = useRead<Page<EventRecord>>(symbolPath(symbol, "/events?limit=500"));
  const kills = (events.data?.items ?? []).filter((event) => event.event_type.includes("risk"));
  return (
    <div class="earlier">
      <h3>Kills of {symbol} on record{events.data?.next_cursor ? " among its last 500 events" : ""}</h3>
      <Reading of={events} what="The record">
        {kills.length ? (
          <ul>{kills.map((event) => <li key={event.event_id}><Time at={event.occurred_at} /> {Object.entries(event.data).filter(([key, value]) => key !== "symbol" && value).map(([key, value]) => `${words(key)} ${String(value)}`).join(", ")}</li>)}</ul>
        ) : <p class="quiet">None.</p>}
      </Reading>
    </div>
  );
}
