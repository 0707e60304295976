// What is asked before something happens. Stopping asks least: its reason is there already.

import { useState } from "preact/hooks";
import { hasOwner, shownState } from "./attention";
import { feed } from "./feed";
import { change, symbolPath } from "./api";
import { act, told, type Verb } from "./log";
import { Dialog, useRead } from "./parts";
import type { Config, ProposalPage, Session } from "./types";

export interface Question {
  verb: Verb;
  symbols: string[] | null; // null: all
  choice?: string; // the symbol that is open: kill it alone, or everything
}

const TITLES: Record<Verb, (which: string) => string> = {
  kill: (which) => `Kill ${which}`,
  flatten: (which) => `Flatten ${which}`,
  reset: (which) => `Reset ${which}`,
  enable: (which) => `Enable ${which}`,
  resume: (which) => `Resume ${which}`,
  pause: (which) => `Pause ${which}`,
};

const CONSEQUENCES: Record<Verb, string> = {
  kill: "Cancels every order now and stays HALTED until somebody resets it.",
  flatten: "Cancels every order and leaves the symbols PAUSED. Positions stay as they are.",
  reset: "From HALTED to PAUSED. Nothing quotes before it is enabled.",
  enable: "Starts quoting with the configuration that stands, with real orders unless it runs in shadow mode.",
  resume: "Continues quoting where `enabled` is set, with real orders unless it runs in shadow mode.",
  pause: "Cancels the orders and stops quoting until it is enabled or resumed.",
};

export function Ask({ question, session, onClose }: { question: Question; session: Session; onClose: () => void }) {
  const { verb } = question;
  const [onlyOne, setOnlyOne] = useState(question.choice !== undefined);
  const symbols = question.choice === undefined ? question.symbols : onlyOne ? [question.choice] : null;
  const which = symbols === null ? "every symbol" : symbols.length > 3 ? `${symbols.length} symbols` : symbols.join(", ");
  const [reason, setReason] = useState(verb === "reset" ? "" : `${verb} from the console by ${session.actor ?? "nobody"}`);
  const [rebase, setRebase] = useState(false);
  const [wait, setWait] = useState(false);
  const danger = verb === "kill";
  const proposal = useEnableProposal(verb === "enable" && symbols?.length === 1 ? symbols[0] ?? null : null);
  const submit = (event: Event): void => {
    event.preventDefault();
    if (!reason.trim()) return;
    if (proposal) {
      void proposal(reason.trim());
      onClose();
      return;
    }
    const more = verb === "reset" ? { rebase_pnl: rebase } : verb === "enable" && wait ? { wait: 30 } : {};
    void act(verb, symbols, reason.trim(), more);
    onClose();
  };
  return (
    <Dialog title={TITLES[verb](which)} onClose={onClose} tone={danger ? "deadly" : ""}>
      <form onSubmit={submit}>
        <p>{proposal ? "Enabling it waits for a second person here: this proposes it and starts nothing. Once it is approved, enable it." : CONSEQUENCES[verb]}</p>
        {question.choice === undefined ? null : (
          <fieldset class="choice">
            <legend>What is killed</legend>
            <label><input type="radio" name="which" checked={onlyOne} onChange={() => setOnlyOne(true)} /> {question.choice} only</label>
            <label><input type="radio" name="which" checked={!onlyOne} onChange={() => setOnlyOne(false)} /> every symbol of the fleet</label>
          </fieldset>
        )}
        <Consequence verb={verb} symbols={symbols} />
        <label class="field">
          Reason, for the record
          <input
            type="text" required maxLength={500} value={reason} data-first={verb === "reset" ? "" : undefined}
            onInput={(event) => setReason(event.currentTarget.value)}
          />
        </label>
        {verb === "reset" ? (
          <label class="check"><input type="checkbox" checked={rebase} onChange={(event) => setRebase(event.currentTarget.checked)} /> Count profit and loss from now on (the way back from a loss kill)</label>
        ) : null}
        {verb === "enable" && !proposal ? (
          <label class="check"><input type="checkbox" checked={wait} onChange={(event) => setWait(event.currentTarget.checked)} /> Wait up to 30 s for what only needs time</label>
        ) : null}
        <div class="row end">
          <button type="button" onClick={onClose}>Cancel</button>
          <button type="submit" class={danger ? "kill" : "primary"} data-first={verb === "reset" ? undefined : ""}>{proposal ? `Propose to enable ${which}` : TITLES[verb](which)}</button>
        </div>
      </form>
    </Dialog>
  );
}

/** Where enabling this symbol needs a second person, what proposes it. */
function useEnableProposal(symbol: string | null): ((reason: string) => Promise<void>) | null {
  const approval = useRead<ProposalPage>(symbol && "/v1/mm/proposals?limit=1");
  const config = useRead<Config>(symbol && symbolPath(symbol));
  if (!symbol || !approval.data?.approval_needed || config.data?.enabled !== false) return null;
  return async (reason) => {
    const asking = () => change("PUT", symbolPath(symbol), { enabled: true, reason });
    await told(`Propose to enable ${symbol}`, asking, () => "proposed: it waits for a second person; enable it once that is approved").catch(() => undefined);
  };
}

/** How many it concerns now. */
function Consequence({ verb, symbols }: { verb: Verb; symbols: string[] | null }) {
  const rows = [...feed.rows.values()].filter((row) => symbols === null || symbols.includes(row.symbol));
  const orders = rows.reduce((sum, row) => sum + (row.summary?.open_orders ?? 0), 0);
  const away = rows.filter((row) => !hasOwner(row)).length;
  const active = rows.filter((row) => shownState(row) === "ACTIVE").length;
  const blocked = verb === "enable" ? rows.flatMap((row) => row.summary?.enable_problems ?? []) : [];
  return (
    <p class="quiet">
      {rows.length === 1 ? "" : `${rows.length} symbols, `}{active} ACTIVE, {orders} open orders
      {away ? `; ${away} without a reachable owner: a kill is put on record for them` : ""}
      {blocked.length ? `. Would be refused now: ${[...new Set(blocked.map((one) => one.detail))].slice(0, 3).join("; ")}` : ""}
    </p>
  );
}

const KEYS: [string, string][] = [
  ["⇧K then Enter", "kill: the reason is there already"],
  ["/", "find a symbol"],
  ["j, k", "next and previous row"],
  ["Enter", "open the row"],
  ["p", "pause the row or the open symbol (at once)"],
  ["e", "enable it (asks first)"],
  ["x", "why it quotes what it quotes, or nothing"],
  ["c", "configure it"],
  ["1 to 8", "fleet, incidents, audit, system, report, obligations, approvals, drills"],
  ["Esc", "close a dialog, leave a field"],
  ["?", "this list"],
];

export function Help({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keys" onClose={onClose}>
      <dl class="keys">
        {KEYS.map(([key, what]) => (
          <div key={key}><dt><kbd>{key}</kbd></dt><dd>{what}</dd></div>
        ))}
      </dl>
      <p class="quiet">
        ● ACTIVE, ❚❚ PAUSED, ■ HALTED, ◌ without owner, ◇ shadow. Blue is a bid, orange an ask; red means danger and nothing else.
        The whole interface is described at <a href="/docs">/docs</a>.
      </p>
      <div class="row end"><button type="button" data-first="" onClick={onClose}>Close</button></div>
    </Dialog>
  );
}
