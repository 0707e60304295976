// What stands around every page: totals, what is wrong as a whole, the kill, and what this person did.

import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { type Totals, totals } from "./attention";
import { feed, isStale, reconnect, useFeed } from "./feed";
import { duration, localTime, NONE, short } from "./format";
import { clearLog, useLog } from "./log";
import { Time, useRead } from "./parts";
import { href } from "./route";
import { may } from "./session";
import { dayBegan } from "./today";
import type { DayStart, ProposalPage, Session } from "./types";

/** In the order of their keys. */
export const PAGES: [string, string][] = [
  ["fleet", "Fleet"], ["incidents", "Incidents"], ["audit", "Audit"], ["system", "System"],
  ["report", "Report"], ["obligations", "Obligations"], ["approvals", "Approvals"], ["drills", "Drills"],
];
const PROPOSALS_EVERY_MS = 4_000; // as the page of approvals, which would else contradict it
const DAY_START_EVERY_MS = 60_000; // so long after midnight, at most, is today not known

interface Props {
  session: Session;
  page: string;
  find: string;
  onFind: (text: string) => void;
  onKill: () => void;
  onHelp: () => void;
  onSignOut: () => void;
  children: ComponentChildren;
}

/** What all symbols came to today, and of how many that is not known. */
function todaysOf({ today, todayUnknown }: Totals): string {
  if (todayUnknown.length && todayUnknown.length === feed.rows.size) return NONE;
  return `${today >= 0 ? "+" : ""}${today.toFixed(2)}${todayUnknown.length ? ` (${todayUnknown.length} not known)` : ""}`;
}

export function Frame({ session, page, find, onFind, onKill, onHelp, onSignOut, children }: Props) {
  useFeed();
  const sum = totals(feed.rows.values());
  const stale = isStale();
  const known = (text: string | number): string | number => (feed.complete ? text : NONE);
  const waits = !feed.complete && feed.link === "connecting";
  const dayStart = useRead<DayStart>("/v1/mm/day-start", DAY_START_EVERY_MS);
  useEffect(() => {
    if (dayStart.data) dayBegan(dayStart.data);
  }, [dayStart.data]);
  const proposals = useRead<ProposalPage>(session.access_control ? "/v1/mm/proposals" : null, PROPOSALS_EVERY_MS);
  const waiting = proposals.data?.items.length ?? 0;
  return (
    <>
      <a class="skip" href="#content" onClick={(event) => { event.preventDefault(); document.getElementById("content")?.focus(); }}>To the content</a>
      <header class={stale ? "stale" : ""}>
        <h1>Market maker</h1>
        <nav aria-label="Pages">
          {PAGES.map(([key, name]) => (
            <a key={key} href={href(key)} aria-current={page === key ? "page" : undefined}>{name}{key === "approvals" && waiting ? <b title="wait for a second person"> {waiting}</b> : null}</a>
          ))}
        </nav>
        <dl class="totals">
          <div class="counts">
            <dt>Symbols</dt>
            <dd>
              <span title="ACTIVE"><i aria-hidden="true">●</i> {known(sum.active)}<span class="hidden"> active</span></span>
              <span title="PAUSED"><i aria-hidden="true">❚❚</i> {known(sum.paused)}<span class="hidden"> paused</span></span>
              <span title="HALTED" class={sum.halted ? "danger" : ""}><i aria-hidden="true">■</i> {known(sum.halted)}<span class="hidden"> halted</span></span>
              <span title="Without owner" class={sum.ownerless ? "danger" : ""}><i aria-hidden="true">◌</i> {known(sum.ownerless)}<span class="hidden"> without owner</span></span>
            </dd>
          </div>
          <div title={`Since 00:00 UTC, realized and open${sum.todayUnknown.length ? `; not known of ${sum.todayUnknown.join(", ")}` : ""}`}><dt>P&amp;L today</dt><dd>{known(todaysOf(sum))}</dd></div>
          <div><dt>Gross</dt><dd>{known(short(sum.gross))}</dd></div>
          <div><dt>Net</dt><dd>{known(short(sum.net))}</dd></div>
          <div><dt>Orders</dt><dd class={sum.unknown ? "danger" : ""}>{known(sum.orders)}{sum.unknown ? ` (${sum.unknown} unknown)` : ""}</dd></div>
          <div><dt>Data</dt><dd class={stale && !waits ? "danger" : ""}>{waits ? NONE : stale ? "old" : "live"}<span class="age"> {feed.heard ? duration(Date.now() - feed.heard) : ""}</span></dd></div>
        </dl>
        <input
          id="find" type="search" placeholder="find  /" aria-label="Find a symbol" value={find}
          onInput={(event) => onFind(event.currentTarget.value)}
        />
        <details class="who">
          <summary>{session.actor}</summary>
          <div class="menu">
            <p>{session.roles.join(", ") || "no role"}</p>
            {session.expires_at ? <p>signed in until <Time at={session.expires_at} /></p> : null}
            <button type="button" onClick={onHelp}>Keys <kbd>?</kbd></button>
            {session.access_control ? <button type="button" onClick={onSignOut}>Sign out</button> : null}
            <p class="quiet">version {session.version}</p>
          </div>
        </details>
        <button
          type="button" class="kill" id="kill" onClick={onKill} disabled={!may(session, "mm:emergency")}
          title={may(session, "mm:emergency") ? "Shift K" : "needs the role mm:emergency"}
        >
          KILL <kbd>⇧K</kbd>
        </button>
      </header>
      <Warnings session={session} shadow={sum.shadow} ownerless={sum.ownerless} stale={stale} />
      <main id="content" tabIndex={-1} class={stale ? "stale" : ""}>{children}</main>
      <Log />
    </>
  );
}

/** One line each, only while it is true. */
function Warnings({ session, shadow, ownerless, stale }: { session: Session; shadow: boolean; ownerless: number; stale: boolean }) {
  const old = stale && feed.link !== "connecting";
  return (
    <section class="warnings" aria-label="Warnings">
      {old ? (
        <p class="warning danger" role="alert">
          Connection lost: what is shown is from {feed.heard ? localTime(new Date(feed.heard).toISOString()) : "before"} and may be wrong. Controls
          still reach the service if it runs. <button type="button" onClick={reconnect}>Connect now</button>
        </p>
      ) : null}
      {feed.version && feed.version !== session.version ? (
        <p class="warning">The service was upgraded to {feed.version}. <button type="button" onClick={() => location.reload()}>Reload this page</button></p>
      ) : null}
      {ownerless ? <p class="warning danger">Part of the fleet is missing: {ownerless} {ownerless === 1 ? "symbol has" : "symbols have"} no reachable owner; totals lack {ownerless === 1 ? "it" : "them"}, or have what was shown last.</p> : null}
      {shadow ? <p class="warning">◇ Shadow mode: quotes are computed and published, no order is sent.</p> : null}
      {session.access_control ? null : <p class="warning">Access control is off (DISABLE_AUTH=true): whoever reaches this page may do everything.</p>}
    </section>
  );
}

function Log() {
  const { entries, announced } = useLog();
  const [last] = entries;
  return (
    <footer>
      <p class="hidden" role="alert" aria-live="assertive">{announced}</p>
      <details class="log">
        <summary>
          <span class="label">What you did</span>
          {last ? <LogLine entry={last} /> : <span class="quiet">nothing yet</span>}
        </summary>
        <ol>
          {entries.map((entry) => (
            <li key={entry.id}>
              <LogLine entry={entry} />
              {entry.results.length ? (
                <ul>{entry.results.map((one) => <li key={one.symbol} class={one.ok ? "" : "failed"}><b>{one.symbol}</b> {one.text}</li>)}</ul>
              ) : null}
            </li>
          ))}
        </ol>
        {entries.length ? <button type="button" onClick={clearLog}>Clear</button> : null}
      </details>
    </footer>
  );
}

const MARKS = { pending: "…", done: "✓", partly: "!", failed: "✕" } as const;

function LogLine({ entry }: { entry: ReturnType<typeof useLog>["entries"][number] }) {
  return (
    <span class={`line ${entry.tone}`}>
      <span aria-hidden="true">{MARKS[entry.tone]}</span> <Time at={entry.at} /> <b>{entry.what}</b>: {entry.came}
    </span>
  );
}
