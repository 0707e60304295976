// Who did what, when and why, before and after.

import { useState } from "preact/hooks";
import { get, said } from "../api";
import { localTime, utc, words } from "../format";
import { Time } from "../parts";
import type { AuditRecord, Page } from "../types";
import { difference } from "./configure";
import { List, usePages } from "./history";

const EXPORT_MAX = 50_000;
const ROUTES = ["POST /v1/mm/emergency/kill", "POST /v1/mm/emergency/flatten", "POST /v1/mm/reset", "POST /v1/mm-configs", "PUT /v1/mm-configs/{symbol}", "DELETE /v1/mm-configs/{symbol}", "POST /v1/mm/enable", "POST /v1/mm/pause", "POST /v1/mm/resume", "POST /v1/mm-configs/{symbol}/enable", "POST /v1/mm-configs/{symbol}/pause", "POST /v1/mm-configs/{symbol}/resume"];

const NONE = { symbol: "", actor: "", route: "", text: "", since: "", until: "" };

export function Audit() {
  const [wanted, setWanted] = useState(NONE);
  const [asked, setAsked] = useState(wanted);
  const [exported, setExported] = useState("");
  const path = pathOf(asked);
  const pages = usePages<AuditRecord>(path);
  const field = (name: keyof typeof wanted, label: string, type: "text" | "datetime-local" = "text", list?: string) => (
    <label>{label} <input type={type} list={list} value={wanted[name]} onInput={(event) => setWanted({ ...wanted, [name]: event.currentTarget.value })} /></label>
  );
  const save = async (): Promise<void> => {
    setExported("Reading all of it…");
    try {
      const rows = await everything(path);
      download(rows.slice(0, EXPORT_MAX));
      setExported(`${Math.min(rows.length, EXPORT_MAX)} entries exported${rows.length > EXPORT_MAX ? `; there are more, choose a shorter period` : ""}`);
    } catch (error) {
      setExported(`Not exported: ${said(error)}`);
    }
  };
  return (
    <section class="plain-page" aria-label="Audit">
      <div class="bar-top"><h2>Audit</h2></div>
      <form class="row tools" onSubmit={(event) => { event.preventDefault(); setAsked(wanted); }}>
        {field("symbol", "Symbol")}{field("actor", "Who")}{field("route", "What", "text", "routes")}{field("text", "Words")}{field("since", "From", "datetime-local")}{field("until", "To", "datetime-local")}
        <datalist id="routes">{ROUTES.map((route) => <option key={route} value={route} />)}</datalist>
        <button type="submit" class="primary">Search</button>
        <button type="button" onClick={() => { setWanted(NONE); setAsked(NONE); }}>Clear</button>
        <button type="button" onClick={() => void save()}>Export</button>
        <span role="status" class="quiet">{exported}</span>
      </form>
      <List
        pages={pages} what="entries" stacks
        head={<>{["When", "Who", "What", "Symbol", "Why", "Before and after"].map((name) => <th key={name} scope="col">{name}</th>)}</>}
        line={(row) => (
          <tr key={row.entry_id}>
            <td><Time at={row.at} /></td><td title={row.roles.join(", ")} data-name="Who">{row.actor}</td><td data-name="What">{what(row.route)}</td><td data-name="Symbol">{row.symbol ?? ""}</td><td class="wrap" data-name="Why">{row.why}</td>
            <td class="wrap"><details><summary>{short(row)}</summary><pre>{JSON.stringify({ before: row.before, after: row.after }, null, 1)}</pre></details></td>
          </tr>
        )}
      />
    </section>
  );
}

export function what(route: string): string {
  const [method = "", path = ""] = route.split(" ");
  const last = path.split("/").pop() ?? "";
  if (path.startsWith("/v1/mm-configs") && (last === "{symbol}" || last === "mm-configs")) return { POST: "create", PUT: "configure", DELETE: "delete" }[method] ?? route;
  return words(last) || route;
}

function short(row: AuditRecord): string {
  const { before, after } = row;
  if (after && "accepted" in after) return `${String(before?.state ?? "")}${after.accepted ? ` to ${String(after.state)}` : " refused"}${after.pending ? ", on record" : ""}`;
  const text = difference(row);
  return text.length > 120 ? `${text.slice(0, 120)}…` : text || "nothing changed";
}

export function pathOf(wanted: typeof NONE): string {
  const query = new URLSearchParams();
  if (wanted.symbol.trim()) query.set("symbol", wanted.symbol.trim().toUpperCase());
  if (wanted.actor.trim()) query.set("actor", wanted.actor.trim());
  if (wanted.route.trim()) query.set("route", wanted.route.trim());
  if (wanted.text.trim()) query.set("text", wanted.text.trim());
  for (const name of ["since", "until"] as const) if (wanted[name]) query.set(name, new Date(wanted[name]).toISOString());
  const text = query.toString();
  return `/v1/mm/audit${text ? `?${text}` : ""}`;
}

async function everything(path: string): Promise<AuditRecord[]> {
  const rows: AuditRecord[] = [];
  let cursor: string | null = null;
  do {
    const page: Page<AuditRecord> = await get(`${path}${path.includes("?") ? "&" : "?"}limit=500${cursor ? `&cursor=${cursor}` : ""}`);
    rows.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor !== null && rows.length <= EXPORT_MAX);
  return rows;
}

/** One cell; a text that a spreadsheet would run as a formula is kept a text. */
export function cell(value: unknown): string {
  const text = value === null || value === undefined ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
}

function download(rows: AuditRecord[]): void {
  const names = ["entry_id", "at", "actor", "roles", "route", "symbol", "before", "after", "why"] as const;
  const lines = [names.join(","), ...rows.map((row) => names.map((name) => cell(name === "at" ? utc(row.at) : row[name])).join(","))];
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([`${lines.join("\r\n")}\r\n`], { type: "text/csv" }));
  link.download = `audit-${localTime(new Date().toISOString()).replaceAll(":", "")}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1_000);
}
