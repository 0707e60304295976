// The configurations that a symbol has had, and what others changed while a form was being filled in.

import { symbolPath } from "../api";
import { type Field, same, text, type Values, valueOf } from "../form";
import { words } from "../format";
import { Empty, Reading, Time, useRead } from "../parts";
import type { Config, ConfigVersion, Page } from "../types";
import { usePages } from "./history";

const SHOWN = 20;

/** What was saved by others since a form was made of `version`; the way on from there keeps what was typed. */
export function Meanwhile({ symbol, version, onLoad }: { symbol: string; version: number; onLoad: () => void }) {
  const latest = useRead<Page<ConfigVersion>>(symbolPath(symbol, `/versions?limit=${SHOWN}`));
  const later = latest.data?.items.filter((row) => row.version > version) ?? [];
  const earlier = (later.at(-1)?.version ?? version + 1) - version - 1;
  return (
    <div class="danger" role="alert">
      <p>Not saved: the configuration has changed since this form was made from version {version}.</p>
      <Reading of={latest} what="What has changed">
        <ul>{later.map((row) => <li key={row.version}><b>{row.author}</b>, <Time at={row.at} />, version {row.version}: {versionDifference(row)}. Reason: {row.reason}</li>)}</ul>
        {earlier > 0 ? <p>Before these {earlier} more, listed under Versions.</p> : null}
      </Reading>
      <p><button type="button" onClick={onLoad}>Load the present one, keep what I typed</button></p>
    </div>
  );
}

/** Every configuration that the symbol has had, by whom, when and why. */
export function Versions({ symbol, stands, fields, onTake }: { symbol: string; stands: Config; fields: Field[]; onTake: ((values: Values) => void) | null }) {
  const pages = usePages<ConfigVersion>(`${symbolPath(symbol)}/versions`);
  const take = (config: Config): void => {
    const values: Values = {};
    for (const field of fields) {
      const value = valueOf(config, field.name);
      if (value !== undefined && value !== null) values[field.name] = typeof value === "boolean" ? value : String(value);
    }
    onTake?.(values);
    document.getElementById("content")?.scrollTo({ top: 0 });
  };
  const differs = (config: Config): boolean => !fields.every((field) => same(text(valueOf(config, field.name)), valueOf(stands, field.name)));
  return (
    <section class="panel" aria-label="Versions">
      <div class="row tools"><h3>Versions</h3><span class="spacer" /><button type="button" onClick={pages.anew} disabled={pages.loading}>Read anew</button></div>
      {pages.error ? <p class="danger">The versions could not be read: {pages.error}</p> : null}
      {pages.items.length ? (
        <ol class="versions">
          {pages.items.map((row) => (
            <li key={row.version}>
              <div><b>{row.version}</b> <Time at={row.at} /> <b>{row.author}</b> {row.reason}</div>
              <div class="quiet">{versionDifference(row)}</div>
              {onTake && row.config && differs(row.config) ? <button type="button" onClick={() => take(row.config as Config)}>Take into the form</button> : null}
            </li>
          ))}
        </ol>
      ) : pages.loading ? null : <Empty>No version is on record.</Empty>}
      {pages.more ? <p><button type="button" onClick={pages.next} disabled={pages.loading}>Older ones</button></p> : null}
    </section>
  );
}

/** What a version changed, in words. */
function versionDifference(row: ConfigVersion): string {
  if (!row.config) return "deleted";
  if (row.version === 1) return "created";
  return row.changes.map((one) => `${words(one.field)} ${text(one.before)} to ${text(one.after)}`).join(", ") || "no difference";
}
