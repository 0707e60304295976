// Instances, what they depend on, latency, backlog, versions.

import { duration, NONE, words } from "../format";
import { Reading, Time, useRead } from "../parts";
import { href } from "../route";
import type { Health, Session, SystemStatus } from "../types";

const SHAPE: Record<string, string> = { ok: "●", degraded: "◐", failed: "■" };

export function System({ session }: { session: Session }) {
  const status = useRead<SystemStatus>("/v1/mm/status", 2_000);
  const health = useRead<Health>("/health", 3_000);
  const silent = (status.data?.instances ?? []).filter((one) => one.silent_ms !== null).map((one) => one.instance);
  const unshown = status.data?.without_owner.map((one) => one.symbol) ?? [];
  const names = [...new Set((status.data?.instances ?? []).flatMap((one) => Object.keys(one.latency_us)))];
  return (
    <section class="plain-page" aria-label="System">
      <div class="bar-top"><h2>System</h2><span class="quiet">version {health.data?.version ?? session.version}</span><span class="spacer" /><a href="/docs">API reference</a></div>
      <div class="two">
        <div>
          <h3>What this instance depends on</h3>
          <Reading of={health} what="Health">
            <table class="list stacks">
              <thead><tr><th scope="col">Component</th><th scope="col">Status</th><th scope="col">Detail</th></tr></thead>
              <tbody>{health.data?.checks.map((one) => <tr key={one.name}><th scope="row">{words(one.name)}</th><td data-name="Status" class={one.status === "ok" ? "" : one.status === "failed" ? "danger" : "near"}><span aria-hidden="true">{SHAPE[one.status]}</span> {one.status}</td><td class="wrap" data-name="Detail">{one.detail || NONE}</td></tr>)}</tbody>
            </table>
          </Reading>
        </div>
        <div>
          <h3>Instances</h3>
          <Reading of={status} what="The status">
            {unshown.length ? <p class="warning danger">Nobody shows {unshown.join(", ")}: totals lack {unshown.length === 1 ? "it" : "them"}.</p> : null}
            {silent.length ? <p class="warning danger">{silent.join(", ")} {silent.length === 1 ? "is" : "are"} silent: what is shown of {silent.length === 1 ? "its" : "their"} symbols, in totals too, is from before.</p> : null}
            <table class="list stacks">
              <thead><tr><th scope="col">Instance</th><th scope="col">Version</th><th scope="col" class="n">Symbols</th><th scope="col">Sign of life</th><th scope="col" class="n">Events waiting for Kafka</th></tr></thead>
              <tbody>
                {status.data?.instances.map((one) => (
                  <tr key={one.instance}>
                    <th scope="row">{one.instance}{one.self ? <small> answers here</small> : null}</th><td data-name="Version">{one.version ?? <span class="quiet">not told</span>}</td>
                    <td class="n" data-name="Symbols" title={one.symbols.join(", ")}>{one.symbols.length}</td>
                    <td data-name="Sign of life" class={one.silent_ms === null ? "" : "danger"}>{one.silent_ms === null ? <Time at={one.at} /> : `silent for ${duration(one.silent_ms)}`}</td><td class="n" data-name="Events waiting for Kafka">{one.outbox_pending}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Reading>
        </div>
      </div>
      {status.data && names.length ? (
        <>
          <h3>Latency since each process started</h3>
          <div class="scroller" tabIndex={0} role="region" aria-label="Latency">
            <table class="list stacks">
              <thead><tr><th scope="col">Instance</th>{names.map((name) => <th key={name} scope="col" class="n">{words(name)}</th>)}</tr></thead>
              <tbody>{status.data.instances.map((one) => <tr key={one.instance}><th scope="row">{one.instance}</th>{names.map((name) => <td key={name} class="n" data-name={words(name)}>{micro(one.latency_us[name])}</td>)}</tr>)}</tbody>
            </table>
          </div>
          <h3>Who runs what</h3>
          <table class="list stacks">
            <thead><tr><th scope="col">Instance</th><th scope="col">Symbols</th></tr></thead>
            <tbody>
              {status.data.instances.map((one) => <tr key={one.instance} class={one.silent_ms === null ? "" : "failed"}><th scope="row">{one.instance}{one.silent_ms === null ? null : <small> silent, as it showed last</small>}</th><td class="wrap">{one.symbols.map((symbol) => <a key={symbol} class="inline" href={href("symbol", symbol)}>{symbol}</a>)}</td></tr>)}
              {status.data.without_owner.length ? <tr class="failed"><th scope="row">nobody</th><td class="wrap">{status.data.without_owner.map((one) => one.symbol).join(", ")}</td></tr> : null}
            </tbody>
          </table>
        </>
      ) : null}
    </section>
  );
}

function micro(value: number | null | undefined): string {
  if (value === null || value === undefined) return NONE;
  if (value >= 1_000_000) return `${(value / 1_000_000).toFixed(1)} s`;
  return value >= 1000 ? `${(value / 1000).toFixed(1)} ms` : `${value.toFixed(0)} µs`;
}
