// What was promised to the exchange: presence so far today, what is still needed, the days before.

import { amount, MARKS, needed, type Standing, standing } from "../duty";
import { duration, fixed, NONE, num } from "../format";
import { Empty, Reading, useRead } from "../parts";
import { href } from "../route";
import type { Obligation, ObligationDay } from "../types";

const EVERY_MS = 5_000;
const DAYS_BEFORE = 7;
const DAY_MS = 86_400_000;
const URGENCY: Standing[] = ["lost", "at risk", "open", "kept", "no window"];

export function Obligations() {
  const today = useRead<ObligationDay>("/v1/mm/obligations", EVERY_MS);
  const day = today.data?.day;
  const items = [...(today.data?.items ?? [])].sort((one, other) => URGENCY.indexOf(standing(one)) - URGENCY.indexOf(standing(other)));
  return (
    <section class="plain-page" aria-label="Obligations">
      <div class="bar-top"><h2>Obligations</h2>{day ? <span class="quiet">{day}, UTC</span> : null}</div>
      <Reading of={today} what="The obligations">
        {items.length ? (
          <>
            <p class="note quiet">Presence by what the exchange has acknowledged. Time in which the service was down, or the symbol not ACTIVE, was absent.</p>
            <div class="scroller" tabIndex={0} role="region" aria-label="Today">
              <table class="list stacks">
                <thead><tr><th scope="col">Symbol</th><th scope="col">Programme</th><th scope="col">Promised</th><th scope="col">Present so far</th><th scope="col" class="n">Still needed</th><th scope="col" class="n">May still be absent</th><th scope="col" class="n">Time left</th><th scope="col">Today</th></tr></thead>
                <tbody>{items.map((one) => <Today key={nameOf(one)} one={one} />)}</tbody>
              </table>
            </div>
            {day ? <Before day={day} items={items} /> : null}
          </>
        ) : <NoProgramme />}
      </Reading>
    </section>
  );
}

function NoProgramme() {
  return (
    <Empty>
      No programme is configured: nothing was promised, nothing is measured. A market maker programme asks for a size on both sides within a
      spread, for a share of the time; name a file with yours in <code>MM_PROGRAMMES_FILE</code> and start the service again (its format: docs/obligations.md).
    </Empty>
  );
}

const nameOf = (one: Obligation): string => `${one.symbol} ${one.programme}, ${one.tier}`;

function Today({ one }: { one: Obligation }) {
  const found = standing(one);
  const left = Math.max(0, Date.parse(one.until) - Math.max(Date.now(), Date.parse(one.since)));
  const tone = found === "lost" ? "danger" : found === "at risk" ? "near" : "";
  const reached = num(one.share_pct ?? "0") / num(one.min_share_pct);
  return (
    <tr>
      <th scope="row"><a href={href("report", one.symbol, "day")}>{one.symbol}</a></th>
      <td data-name="Programme">{one.programme}, {one.tier}</td>
      <td data-name="Promised">{one.min_share_pct} % with {one.min_size} in {one.size_currency} currency within {one.max_spread_bps} bps</td>
      <td data-name="Present so far"><span class="pair"><span class="n">{one.share_pct === null ? NONE : `${fixed(one.share_pct, 2)} %`}</span><Share reached={reached} label={`${nameOf(one)}: ${one.share_pct ?? 0} % of ${one.min_share_pct} % promised`} /></span></td>
      <td class="n" data-name="Still needed">{!one.total || one.slack < 0 ? NONE : amount(one.measure, needed(one))}</td>
      <td class={`n ${tone}`} data-name="May still be absent">{!one.total ? NONE : one.slack < 0 ? `${amount(one.measure, -one.slack)} too much` : amount(one.measure, one.slack)}</td>
      <td class="n" data-name="Time left">{one.total ? <span title={`until ${one.until}`}>{left ? duration(left) : "over"}</span> : NONE}</td>
      <td class={tone} data-name="Today"><span aria-hidden="true">{MARKS[found]}</span> {found}</td>
    </tr>
  );
}

/** So far against what was promised; full is what was promised, and no danger. */
function Share({ reached, label }: { reached: number; label: string }) {
  return (
    <span class="bar" role="img" aria-label={label} title={label}>
      <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect class="track" width="100" height="8" /><rect class="fill" width={100 * Math.min(1, reached)} height="8" /></svg>
    </span>
  );
}

function Before({ day, items }: { day: string; items: Obligation[] }) {
  const days = Array.from({ length: DAYS_BEFORE }, (_, index) => new Date(Date.parse(day) - (index + 1) * DAY_MS).toISOString().slice(0, 10));
  return (
    <>
      <h3>The days before</h3>
      <div class="scroller" tabIndex={0} role="region" aria-label="Days before">
        <table class="list stacks">
          <thead><tr><th scope="col">Day</th>{items.map((one) => <th key={nameOf(one)} scope="col" class="n">{nameOf(one)}</th>)}</tr></thead>
          <tbody>{days.map((one) => <DayBefore key={one} day={one} items={items} />)}</tbody>
        </table>
      </div>
    </>
  );
}

function DayBefore({ day, items }: { day: string; items: Obligation[] }) {
  const read = useRead<ObligationDay>(`/v1/mm/obligations?day=${day}`);
  if (!read.data) return <tr><th scope="row">{day}</th><td colSpan={items.length} class="quiet">{read.error || "reading…"}</td></tr>;
  return (
    <tr>
      <th scope="row">{day}</th>
      {items.map((wanted) => {
        const one = read.data?.items.find((other) => nameOf(other) === nameOf(wanted));
        const found = one ? standing(one) : "no window";
        return <td key={nameOf(wanted)} class={`n ${found === "lost" ? "danger" : ""}`} title={found} data-name={nameOf(wanted)}>{one?.total ? `${one.share_pct === null ? NONE : `${fixed(one.share_pct, 2)} %`} ` : ""}<span aria-hidden="true">{MARKS[found]}</span><span class="hidden"> {found}</span></td>;
      })}
    </tr>
  );
}
