// Trying a kill switch, and how long each one that was tried has taken.

import { useState } from "preact/hooks";
import { change, said, symbolPath } from "../api";
import { shownState } from "../attention";
import { feed, useFeed, useNames } from "../feed";
import { NONE } from "../format";
import { told } from "../log";
import { Dialog, Time } from "../parts";
import { href } from "../route";
import { may } from "../session";
import type { DrillRecord, Session } from "../types";
import { List, usePages } from "./history";

export function Drills({ symbol, session }: { symbol: string | null; session: Session }) {
  const names = useNames() ?? [];
  const [picked, pick] = useState(symbol);
  const chosen = picked ?? names[0] ?? "";
  const [asking, setAsking] = useState(false);
  const [failure, setFailure] = useState("");
  const [last, setLast] = useState<DrillRecord | null>(null);
  const pages = usePages<DrillRecord>("/v1/mm/drills");
  const emergency = may(session, "mm:emergency");
  const drill = async (reason: string): Promise<void> => {
    setAsking(false);
    setFailure("");
    setLast(null);
    try {
      setLast(await told(`Drill ${chosen}`, () => change<DrillRecord>("POST", symbolPath(chosen, "/drill"), { reason }), cameOf));
    } catch (error) {
      setFailure(said(error));
    }
    pages.anew();
  };
  return (
    <section class="plain-page" aria-label="Drills">
      <div class="bar-top"><h2>Drills</h2></div>
      <p class="note">
        A drill pulls the kill switch of one symbol to see that it works. From the trigger on it is a kill like any other: nothing is sent any more,
        every order is cancelled, and the symbol stays HALTED, with the reason DRILL, until somebody resets and enables it. Measured is the time from the trigger
        to HALTED, and to the exchange's proof that no order of ours is open; both stay on record as evidence.
      </p>
      <div class="tools">
        <label>Symbol <select aria-label="Symbol" value={chosen} onChange={(event) => pick(event.currentTarget.value)}>{names.map((name) => <option key={name}>{name}</option>)}</select></label>
        <button type="button" disabled={!emergency || !chosen} title={emergency ? "" : "needs the role mm:emergency"} onClick={() => setAsking(true)}>Drill…</button>
        {emergency ? null : <span class="quiet">You may look; a drill needs the role mm:emergency.</span>}
      </div>
      {failure ? <p class="note danger" role="alert">No drill: {failure}</p> : null}
      {last ? <p class="note" role="status"><b>{last.symbol}</b>: {cameOf(last)}. It is HALTED now: <a href={href("incidents", last.symbol)}>its incident and the reset</a>.</p> : null}
      <h3>Drills on record</h3>
      <List
        pages={pages} what="drills" stacks
        head={<>{["When", "Symbol", "Who", "Why", "Before"].map((name) => <th key={name} scope="col">{name}</th>)}{["Open orders", "To HALTED", "To proven zero"].map((name) => <th key={name} scope="col" class="n">{name}</th>)}</>}
        line={(row) => (
          <tr key={row.id}>
            <td><Time at={row.triggered_at} /></td><td><a href={href("incidents", row.symbol)}>{row.symbol}</a></td><td data-name="Who">{row.actor}</td><td class="wrap" data-name="Why">{row.reason}</td><td data-name="Before">{row.state_before}{row.shadow_mode ? ", shadow" : ""}</td>
            <td class="n" data-name="Open orders">{row.open_orders}</td><td class="n" data-name="To HALTED">{ms(row.halted_us)}</td><td class="n" data-name="To proven zero">{row.proven_zero_us === null ? (row.shadow_mode ? "nothing to prove" : "not proven in time") : ms(row.proven_zero_us)}</td>
          </tr>
        )}
      />
      {asking ? <Ask symbol={chosen} session={session} onClose={() => setAsking(false)} onDrill={(reason) => void drill(reason)} /> : null}
    </section>
  );
}

function ms(us: number | null): string {
  return us === null ? NONE : `${(us / 1000).toLocaleString("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 })} ms`;
}

function cameOf(row: DrillRecord): string {
  const proof = row.proven_zero_us === null ? (row.shadow_mode ? "in shadow mode nothing had to be proven" : "zero was not proven in time") : `zero proven after ${ms(row.proven_zero_us)}`;
  return `halted after ${ms(row.halted_us)}, ${proof}; ${row.open_orders} orders were open`;
}

function Ask({ symbol, session, onClose, onDrill }: { symbol: string; session: Session; onClose: () => void; onDrill: (reason: string) => void }) {
  useFeed();
  const [reason, setReason] = useState(`drill from the console by ${session.actor ?? "nobody"}`);
  const row = feed.rows.get(symbol);
  const submit = (event: Event): void => {
    event.preventDefault();
    if (reason.trim()) onDrill(reason.trim());
  };
  return (
    <Dialog title={`Drill ${symbol}`} onClose={onClose} tone="deadly">
      <form onSubmit={submit}>
        <p>Kills {symbol} now, as in an emergency: its orders are cancelled, and it does not quote again before somebody resets and enables it.</p>
        <p class="quiet">{row ? `Now ${shownState(row)}, ${row.summary?.open_orders ?? 0} open orders, position ${row.summary?.position ?? "not known"}, which stays as it is.` : ""}{row && shownState(row) === "HALTED" ? " It is HALTED already and will refuse." : ""}</p>
        <label class="field">Reason, for the record<input type="text" required maxLength={500} value={reason} onInput={(event) => setReason(event.currentTarget.value)} /></label>
        <div class="row end">
          <button type="button" data-first="" onClick={onClose}>Cancel</button>
          <button type="submit" class="kill">Drill {symbol}</button>
        </div>
      </form>
    </Dialog>
  );
}
