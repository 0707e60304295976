// A configuration as a form made from the API's schema; what it would do now is asked before it is saved.

import { useEffect, useMemo, useState } from "preact/hooks";
import { ApiError, change, said, symbolPath } from "../api";
import { useFeed } from "../feed";
import { bodyOf, type Field, fieldsOf, groups, type OpenApi, same, text, type Values, valueOf } from "../form";
import { fixed, NONE, places, sentence, words } from "../format";
import { told } from "../log";
import { Bar, Empty, Reading, Time, useRead } from "../parts";
import { go, href } from "../route";
import { may } from "../session";
import type { AuditRecord, Config, ConfigVersion, Page, Preview, Session, Status } from "../types";
import { Waiting } from "./approvals";
import { Meanwhile, Versions } from "./versions";
import { Steps } from "./waterfall";

const WAIT_MS = 350;

export function Configure({ symbol, session }: { symbol: string; session: Session }) {
  useFeed();
  const newest = useRead<Page<ConfigVersion>>(symbolPath(symbol, "/versions?limit=1")); // the configuration and its version in one answer
  const status = useRead<Status>(symbolPath(symbol, "/status"), 3_000);
  const schema = useRead<OpenApi>("/openapi.json");
  const every = useMemo(() => (schema.data ? fieldsOf(schema.data, "ConfigUpdate", "ConfigCreate") : []), [schema.data]);
  const [values, setValues] = useState<Values>({});
  const base = newest.data?.items[0];
  const model = String(values.model ?? base?.config?.model ?? "");
  const fields = useMemo(() => every.filter((field) => field.of === null || field.of === model), [every, model]);
  const [reason, setReason] = useState("");
  const [confirm, setConfirm] = useState(false);
  const [pending, setPending] = useState(false);
  const [failure, setFailure] = useState<ApiError | null>(null);
  const operate = may(session, "mm:operate");
  const stands = base?.config;
  const changed = useMemo(() => (stands ? changes(fields, values, stands) : {}), [fields, values, stands]);
  const names = Object.keys(changed);
  const preview = usePreview(symbol, changed, operate && names.length > 0);
  if (base && !stands) return <Empty>{symbol} is not configured: {base.author} has removed it, <Time at={base.at} /> ({base.reason}).</Empty>;
  if (!base || !stands || !schema.data) return <div class="note"><Reading of={newest} what={`The configuration of ${symbol}`} /><Reading of={schema} what="The schema" /></div>;
  const wrong = new Map([...(preview.error?.fields ?? []), ...(failure?.fields ?? [])].map((one) => [one.field, one.detail]));
  const needs = preview.data?.needs_confirm ?? [];
  const save = async (event: Event): Promise<void> => {
    event.preventDefault();
    setPending(true);
    setFailure(null);
    try {
      const body = { ...bodyOf(changed), reason, replaces: base.version, ...(confirm ? { confirm: true } : {}) };
      await told(`Configure ${symbol} (${names.map(words).join(", ")})`, () => change<Config>("PUT", symbolPath(symbol), body), (answer) => ("enabled" in answer ? "saved; it takes effect with the next quote" : "proposed: it waits for a second person and changes nothing until then"));
      setValues({});
      setReason("");
      setConfirm(false);
      newest.again();
    } catch (error) {
      if (error instanceof ApiError) setFailure(error);
    }
    setPending(false);
  };
  const load = (): void => {
    setFailure(null);
    setConfirm(false); // it was meant for what stood before
    newest.again();
  };
  const superseded = failure?.code === "SUPERSEDED";
  const tick = places(status.data?.instrument?.tick_size);
  return (
    <section class="configure" aria-label={`Configuration of ${symbol}`}>
      <div class="bar-top">
        <h2><a href={href("symbol", symbol)}>{symbol}</a> configuration</h2>
        {operate ? null : <span class="quiet">You may look; changing needs the role mm:operate.</span>}
      </div>
      <Waiting key={newest.at} symbol={symbol} />
      <form class="split" onSubmit={(event) => void save(event)}>
        <div class="fields">
          {groups(fields).map(([name, members]) => (
            <fieldset key={name} class="group" disabled={!operate}>
              <legend>{name}</legend>
              {members.map((field) => (
                <Input
                  key={field.name} field={field} stands={valueOf(stands, field.name) ?? (field.of === null ? undefined : field.standard)} value={values[field.name]} wrong={wrong.get(field.name)}
                  onInput={(value) => setValues({ ...values, [field.name]: value })}
                />
              ))}
            </fieldset>
          ))}
        </div>
        <div class="effect">
          <section class="panel" aria-label="Difference">
            <h3>Difference to what stands</h3>
            {names.length ? (
              <table class="list">
                <thead><tr><th scope="col">Field</th><th scope="col" class="n">Stands</th><th scope="col" class="n">New</th></tr></thead>
                <tbody>{names.map((name) => <tr key={name}><th scope="row">{sentence(words(name))}</th><td class="n">{text(valueOf(stands, name))}</td><td class="n"><b>{text(changed[name])}</b></td></tr>)}</tbody>
              </table>
            ) : <p class="quiet">Nothing is changed. Change a field to see what it would do against the live book.</p>}
            {superseded ? <Meanwhile symbol={symbol} version={base.version} onLoad={load} /> : failure ? <p class="danger" role="alert">Not saved: {failure.message}</p> : null}
            {names.length && operate ? (
              <>
                {needs.length ? (
                  <label class="check danger"><input type="checkbox" required checked={confirm} onChange={(event) => setConfirm(event.currentTarget.checked)} /> I mean it: {needs.map((one) => `${one.field} ${one.detail}`).join("; ")}</label>
                ) : null}
                <label class="field">Reason, for the record<input type="text" required maxLength={500} value={reason} onInput={(event) => setReason(event.currentTarget.value)} /></label>
                <div class="row end">
                  <button type="button" onClick={() => setValues({})}>Discard</button>
                  <button type="submit" class="primary" disabled={pending || superseded || preview.error !== null}>{pending ? "Saving…" : "Save"}</button>
                </div>
              </>
            ) : null}
          </section>
          <section class="panel" aria-label="Preview" aria-live="polite"><Effect preview={preview} status={status.data} tick={tick} changed={names.length > 0} /></section>
          <Versions key={newest.at} symbol={symbol} stands={stands} fields={fields} onTake={operate ? setValues : null} />
        </div>
      </form>
    </section>
  );
}

/** What differs from what stands, as the API takes it. */
function changes(fields: Field[], values: Values, stands: Config): Record<string, string | number | boolean> {
  const found: Record<string, string | number | boolean> = {};
  for (const field of fields) {
    const value = values[field.name];
    if (value === undefined) continue;
    const stood = valueOf(stands, field.name);
    if (typeof value === "boolean" ? value !== stood : !same(value, stood)) {
      found[field.name] = field.kind === "whole" && /^-?\d+$/.test(value as string) ? Number(value) : value;
    }
  }
  return found;
}

function Input({ field, stands, value, wrong, onInput }: { field: Field; stands: unknown; value: string | boolean | undefined; wrong: string | undefined; onInput: (value: string | boolean) => void }) {
  const id = `f-${field.name}`;
  const note = [field.range, field.standard === undefined ? "" : `default ${text(field.standard)}`].filter(Boolean).join(", ");
  const described = `${id}-what`;
  const label = <label for={id}>{sentence(field.label)}{field.unit ? <small> {field.unit}</small> : null}</label>;
  const now = value ?? (typeof stands === "boolean" ? stands : text(stands) === NONE ? "" : text(stands));
  return (
    <div class={`input ${value !== undefined ? "touched" : ""}`}>
      {label}
      {field.kind === "flag" ? (
        <input id={id} type="checkbox" checked={now === true} aria-describedby={described} onChange={(event) => onInput(event.currentTarget.checked)} />
      ) : field.kind === "choice" ? (
        <select id={id} value={String(now)} aria-describedby={described} onChange={(event) => onInput(event.currentTarget.value)}>{field.choices.map((one) => <option key={one}>{one}</option>)}</select>
      ) : (
        <input id={id} type="text" inputMode={field.kind === "text" ? "text" : "decimal"} value={String(now)} aria-invalid={wrong ? "true" : undefined} aria-describedby={described} onInput={(event) => onInput(event.currentTarget.value.trim())} />
      )}
      <p id={described} class="quiet">{field.what} {note ? <small>({note})</small> : null}{wrong ? <b class="danger"> {sentence(wrong)}</b> : null}</p>
    </div>
  );
}

interface Previewed {
  data: Preview | null;
  error: ApiError | null;
  loading: boolean;
}

/** Ask what it would do, a moment after the last key, and again while it is looked at. */
function usePreview(symbol: string, changed: Record<string, unknown>, wanted: boolean): Previewed {
  const [state, set] = useState<Previewed>({ data: null, error: null, loading: false });
  const body = JSON.stringify(changed);
  useEffect(() => {
    if (!wanted) {
      set({ data: null, error: null, loading: false });
      return;
    }
    let stopped = false;
    let timer: ReturnType<typeof setTimeout>;
    const ask = async (): Promise<void> => {
      set((was) => ({ ...was, loading: true }));
      try {
        const data = await change<Preview>("POST", symbolPath(symbol, "/preview"), bodyOf(JSON.parse(body)));
        if (!stopped) set({ data, error: null, loading: false });
      } catch (error) {
        if (!stopped) set({ data: null, error: error instanceof ApiError ? error : new ApiError(0, "ERROR", said(error), [], [], []), loading: false });
      }
      if (!stopped) timer = setTimeout(() => void ask(), 3_000);
    };
    timer = setTimeout(() => void ask(), WAIT_MS);
    return () => {
      stopped = true;
      clearTimeout(timer);
    };
  }, [symbol, body, wanted]);
  return state;
}

function Effect({ preview, status, tick, changed }: { preview: Previewed; status: Status | null; tick: number; changed: boolean }) {
  const { data } = preview;
  if (!changed) return <><h3>What it would do now</h3><p class="quiet">Quotes against the live book, orders that would go and come, limits before and after.</p></>;
  if (preview.error) return <><h3>What it would do now</h3><p class="danger" role="alert">It could not be tried: {preview.error.message}</p></>;
  if (!data) return <><h3>What it would do now</h3><p class="quiet">Trying it against the live book…</p></>;
  const inventory = Math.abs(Number(status?.inventory_usdt ?? 0));
  const lost = Math.max(0, -Number(status?.pnl.total ?? 0));
  const use = (value: number, name: string) => {
    const limit = Number(data.config[name]);
    return <Bar label={words(name)} distance={{ used: value / limit, value, limit, price: null }} />;
  };
  const before = (value: number, name: string) => {
    const limit = Number(status?.config[name]);
    return limit ? <Bar label={`${words(name)} now`} distance={{ used: value / limit, value, limit, price: null }} /> : NONE;
  };
  return (
    <>
      <h3>What it would do now, were it ACTIVE <span class="quiet">(<Time at={data.at} />)</span></h3>
      {data.would_halt ? <p class="warning danger" role="alert">It would halt at once: {words(data.would_halt.reason)}, {data.would_halt.measured} against {data.would_halt.threshold}.</p> : null}
      <p>
        <b>{data.cancelled.length}</b> orders would go{data.cancelled.length ? ` (${data.cancelled.map((order) => `${order.side.toLowerCase()} ${fixed(order.price, tick)}`).slice(0, 6).join(", ")}${data.cancelled.length > 6 ? `, and ${data.cancelled.length - 6} more` : ""})` : ""},{" "}
        <b>{data.kept}</b> would stay, <b>{data.placed.length}</b> would be placed{data.placed.length ? ` (${data.placed.map((one) => `${one.side.toLowerCase()} level ${one.level}`).slice(0, 6).join(", ")}${data.placed.length > 6 ? `, and ${data.placed.length - 6} more` : ""})` : ""}.
      </p>
      <table class="list limits">
        <thead><tr><th scope="col">Limit</th><th scope="col">Now</th><th scope="col">Then</th></tr></thead>
        <tbody>
          <tr><th scope="row">Position</th><td>{before(inventory, "max_position_usdt")}</td><td>{use(inventory, "max_position_usdt")}</td></tr>
          <tr><th scope="row">Loss</th><td>{before(lost, "max_loss_usdt")}</td><td>{use(lost, "max_loss_usdt")}</td></tr>
        </tbody>
      </table>
      {data.quote ? <Steps quote={data.quote} tick={tick} bare /> : <p class="danger">No quotes now: {data.why_not}</p>}
    </>
  );
}

export function difference(row: AuditRecord): string {
  const { before, after } = row;
  if (!before) return after ? "created" : "";
  if (!after) return "deleted";
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
  return names.map((name) => `${words(name)} ${text(before[name])} to ${text(after[name])}`).join(", ") || "no difference";
}

interface Listing {
  items: { symbol: string; configured: boolean; status: string; base_currency: string; quote_currency: string }[];
  unusable: { symbol: string; reason: string }[];
}

/** Configure a symbol that the exchange lists; it starts PAUSED with the defaults. */
export function NewSymbol({ session }: { session: Session }) {
  const listing = useRead<Listing>("/v1/mm/instruments");
  const [pending, setPending] = useState("");
  const add = async (symbol: string): Promise<void> => {
    setPending(symbol);
    try {
      await told(`Configure ${symbol}`, () => change("POST", "/v1/mm-configs", { symbol }), () => "configured with the defaults, PAUSED");
      go("configure", symbol);
    } catch {
      setPending("");
    }
  };
  const free = listing.data?.items.filter((one) => !one.configured) ?? [];
  return (
    <section class="plain-page" aria-label="Add a symbol">
      <div class="bar-top"><h2>Add a symbol</h2></div>
      <Reading of={listing} what="What the exchange lists">
        <p class="note">It is configured with the defaults and PAUSED; the next page changes that. Nothing quotes before it is enabled.</p>
        {free.length ? (
          <table class="list">
            <thead><tr><th scope="col">Symbol</th><th scope="col">Status</th><th scope="col">Base, quote</th><th scope="col">Configure</th></tr></thead>
            <tbody>{free.map((one) => <tr key={one.symbol}><th scope="row">{one.symbol}</th><td>{one.status}</td><td>{one.base_currency}, {one.quote_currency}</td><td><button type="button" disabled={pending !== "" || !may(session, "mm:operate")} onClick={() => void add(one.symbol)}>{pending === one.symbol ? "Configuring…" : `Configure ${one.symbol}`}</button></td></tr>)}</tbody>
          </table>
        ) : <Empty>Every instrument that the exchange lists is configured.</Empty>}
        {listing.data?.unusable.map((one) => <p key={one.symbol} class="note quiet">{one.symbol} cannot be quoted: {one.reason}</p>)}
      </Reading>
    </section>
  );
}
