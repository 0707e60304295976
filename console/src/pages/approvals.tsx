// Changes that wait for a second person: who wants what and why, and the decision.

import { useState } from "preact/hooks";
import { change, said, symbolPath } from "../api";
import { duration, NONE, sentence, words } from "../format";
import { told } from "../log";
import { Empty, Reading, Time, useRead } from "../parts";
import { href } from "../route";
import { may } from "../session";
import type { Proposal, ProposalPage, Session } from "../types";

const EVERY_MS = 4_000;
const SHOWN = 100;

export function Approvals({ session }: { session: Session }) {
  const [every, setEvery] = useState(false);
  const page = useRead<ProposalPage>(`/v1/mm/proposals?pending=${!every}&limit=${SHOWN}`, EVERY_MS);
  const items = page.data?.items ?? [];
  return (
    <section class="plain-page" aria-label="Approvals">
      <div class="bar-top"><h2>Approvals</h2><label class="check"><input type="checkbox" checked={every} onChange={(event) => setEvery(event.currentTarget.checked)} /> Show decided ones too</label></div>
      <Reading of={page} what="The proposals">
        {page.data?.approval_needed === false ? (
          <Empty>Changes wait for nobody here: CHANGES_NEED_APPROVAL is false. With it, a change that lets a symbol risk more, or enables one, waits for a second person; tightening, pausing and killing never wait.</Empty>
        ) : (
          <>
            <p class="note quiet">A change that lets a symbol risk more, or enables one, waits here for a second person. Tightening, pausing and killing never wait.</p>
            {items.length ? <div class="proposals">{items.map((one) => <Card key={one.id} of={one} session={session} />)}</div> : <Empty>{every ? "Nothing was ever proposed." : "Nothing waits."}</Empty>}
            {page.data?.next_cursor ? <p class="note quiet">The latest {SHOWN} are shown; <code>mmctl config proposals</code> lists all.</p> : null}
          </>
        )}
      </Reading>
    </section>
  );
}

const STATES: Record<Proposal["state"], string> = { PENDING: "… waits", APPROVED: "✓ approved", REJECTED: "✕ rejected", EXPIRED: "– expired", SUPERSEDED: "– superseded" };

function Card({ of, session }: { of: Proposal; session: Session }) {
  const left = Date.parse(of.expires_at) - Date.now();
  return (
    <article class="panel proposal" aria-label={`Proposal ${of.id}`}>
      <div class="row"><h3><a href={href("configure", of.symbol)}>{of.symbol}</a> by {of.author}</h3><span class="spacer" /><b>{STATES[of.state]}</b></div>
      <p><span class="quiet">Why:</span> {of.reason}</p>
      <table class="list stacks">
        <thead><tr><th scope="col">Field</th><th scope="col" class="n">Stands</th><th scope="col" class="n">Proposed</th><th scope="col">Waits for it</th></tr></thead>
        <tbody>{of.changes.map((one) => <tr key={one.field}><th scope="row">{sentence(words(one.field))}</th><td class="n" data-name="Stands">{text(one.before)}</td><td class="n" data-name="Proposed"><b>{text(one.after)}</b></td><td>{of.loosens.includes(one.field) ? "lets it risk more" : ""}</td></tr>)}</tbody>
      </table>
      <p class="quiet">Proposed <Time at={of.created_at} />, of version {of.replaces}{of.state === "PENDING" ? <>; expires <Time at={of.expires_at} />, in {duration(left)}</> : null}</p>
      {of.decided_at ? <p>{of.state === "APPROVED" ? "Approved" : "Rejected"} by {of.decided_by}, <Time at={of.decided_at} />: {of.decision_reason}</p> : null}
      {of.state === "SUPERSEDED" ? <p>The configuration has changed since: this would be another change than the one that was looked at. Propose it again.</p> : null}
      {of.state === "PENDING" ? <Decide of={of} session={session} /> : null}
    </article>
  );
}

function text(value: unknown): string {
  if (value === null || value === undefined) return NONE;
  return typeof value === "boolean" ? (value ? "yes" : "no") : typeof value === "object" ? JSON.stringify(value) : String(value);
}

function Decide({ of, session }: { of: Proposal; session: Session }) {
  const [reason, setReason] = useState("");
  const [pending, setPending] = useState(false);
  const [failure, setFailure] = useState("");
  const own = of.author === session.actor;
  const operate = may(session, "mm:operate");
  const lacks = own ? `${of.author} has proposed it: somebody else has to approve it` : may(session, of.needs_role) ? "" : `Approving this needs the role ${of.needs_role}`;
  const decide = async (verb: "approve" | "reject"): Promise<void> => {
    setPending(true);
    setFailure("");
    const did = verb === "approve" ? "approved" : own ? "taken back" : "rejected";
    try {
      await told(
        `${verb === "approve" ? "Approve" : own ? "Take back" : "Reject"} proposal ${of.id} of ${of.symbol}`,
        () => change("POST", symbolPath(of.symbol, `/proposals/${of.id}/${verb}`), { reason: reason.trim() }),
        () => (verb === "approve" ? `${did}: it stands now${of.changes.some((one) => one.field === "enabled" && one.after === true) ? "; enabling starts nothing by itself, enable the symbol now" : ""}` : did),
      );
    } catch (error) {
      setFailure(said(error));
    }
    setPending(false);
  };
  return (
    <form onSubmit={(event) => { event.preventDefault(); if (!lacks) void decide("approve"); }}>
      {lacks ? <p class="near">{lacks}.</p> : null}
      {failure ? <p class="danger" role="alert">Not decided: {failure}</p> : null}
      <label class="field">Reason, for the record<input type="text" required maxLength={500} value={reason} disabled={!operate} onInput={(event) => setReason(event.currentTarget.value)} /></label>
      <div class="row end">
        <button type="button" disabled={pending || !operate || !reason.trim()} title={operate ? "" : "needs the role mm:operate"} onClick={() => void decide("reject")}>{own ? "Take back" : "Reject"}</button>
        <button type="submit" class="primary" disabled={pending || lacks !== ""} title={lacks}>Approve</button>
      </div>
    </form>
  );
}

/** Said where a symbol is changed: what of it waits already. */
export function Waiting({ symbol }: { symbol: string }) {
  const page = useRead<ProposalPage>(`/v1/mm/proposals?symbol=${encodeURIComponent(symbol)}`, EVERY_MS);
  const items = page.data?.items ?? [];
  if (!items.length) return null;
  return (
    <p class="warning" role="status">
      {items.length === 1 ? "A change waits" : `${items.length} changes wait`} for a second person and {items.length === 1 ? "has" : "have"} no effect until then:{" "}
      {items.map((one) => `${one.changes.map((field) => `${words(field.field)} ${text(field.after)}`).join(", ")} (${one.author})`).join("; ")}. <a href={href("approvals")}>Approvals</a>
    </p>
  );
}
