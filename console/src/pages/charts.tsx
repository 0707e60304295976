// Mid with our quotes and fills over it, inventory, P&L: the same times under one another.

import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { symbolPath } from "../api";
import { num } from "../format";
import { Reading, useRead } from "../parts";
import { isDrawable, isolated } from "../report";
import type { Fill, Page, Series } from "../types";

const SPANS = ["5m", "1h", "1d"] as const;
const EVERY_MS = { "5m": 2_000, "1h": 10_000, "1d": 60_000 };

export interface Drawn {
  name: string;
  columns: { key: string; label: string; tone: string; dash?: number[]; step?: boolean }[];
  height: number;
}

/** Columns by name, a value for each time. */
export type Points = Pick<Series, "times" | "columns">;

const CHARTS: Drawn[] = [
  {
    name: "Price",
    height: 190,
    columns: [
      { key: "mid", label: "mid", tone: "--mid" },
      { key: "our_bid", label: "our bid", tone: "--bid", step: true },
      { key: "our_ask", label: "our ask", tone: "--ask", step: true },
      { key: "others_bid", label: "their bid", tone: "--bid", dash: [2, 3] },
      { key: "others_ask", label: "their ask", tone: "--ask", dash: [2, 3] },
    ],
  },
  { name: "Inventory", height: 74, columns: [{ key: "inventory", label: "inventory", tone: "--mid", step: true }] },
  {
    name: "P&L",
    height: 84,
    columns: [
      { key: "pnl", label: "total", tone: "--mid" },
      { key: "realized", label: "realized", tone: "--quiet", dash: [4, 3] },
    ],
  },
  { name: "Spread, bps", height: 70, columns: [{ key: "spread_bps", label: "our spread", tone: "--mid", step: true }] },
];

const DAY_S = 86_400;
const NO_FILLS: Fill[] = []; // one and the same, so that nothing is drawn anew for it

export function Charts({ symbol }: { symbol: string }) {
  const [span, setSpan] = useState<(typeof SPANS)[number]>("5m");
  const series = useRead<Series>(symbolPath(symbol, `/series?span=${span}`), EVERY_MS[span]);
  const fills = useRead<Page<Fill>>(symbolPath(symbol, "/fills?limit=200"), 5_000);
  return (
    <>
      <div class="row tools">
        <h3>Last</h3>
        {SPANS.map((one) => <button key={one} type="button" class={one === span ? "on" : ""} aria-pressed={one === span} onClick={() => setSpan(one)}>{one}</button>)}
        <span class="spacer" /><span class="quiet">▲ we bought ▼ we sold</span>
      </div>
      <Reading of={series} what="The series">
        {series.data?.times.length ? CHARTS.map((chart) => <Chart key={`${chart.name}${span}`} chart={chart} series={series.data as Points} fills={(chart.name === "Price" ? fills.data?.items : null) ?? NO_FILLS} />) : <p class="note quiet">Charts begin when an instance has taken the symbol; nothing has been sampled yet.</p>}
      </Reading>
    </>
  );
}

interface Props {
  chart: Drawn;
  series: Points;
  fills?: Fill[];
  inUtc?: boolean; // else in the browser's zone
}

export function Chart(props: Props) {
  const { chart, series } = props;
  if (isDrawable(series.times, chart.columns.map((column) => series.columns[column.key]))) return <Plot {...props} />;
  return <figure><figcaption>{chart.name}</figcaption><p class="note quiet">nothing recorded yet</p></figure>;
}

function Plot({ chart, series, fills = NO_FILLS, inUtc = false }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const marks = useRef<Fill[]>(fills);
  marks.current = fills;
  useEffect(() => {
    const place = box.current;
    if (!place) return;
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    const make = (): void => {
      plot.current?.destroy();
      plot.current = new uPlot(options(chart, place.clientWidth, marks, inUtc), data(chart, series), place);
    };
    make();
    const sizes = new ResizeObserver(() => plot.current?.setSize({ width: place.clientWidth, height: chart.height }));
    sizes.observe(place);
    scheme.addEventListener("change", make);
    return () => {
      sizes.disconnect();
      scheme.removeEventListener("change", make);
      plot.current?.destroy();
      plot.current = null;
    };
  }, []);
  useEffect(() => plot.current?.setData(data(chart, series)), [series, fills]);
  const last = chart.columns.map((column) => `${column.label} ${series.columns[column.key]?.at(-1) ?? "not known"}`).join(", ");
  return <figure><figcaption>{chart.name}</figcaption><div ref={box} role="img" aria-label={`${chart.name} over time; now ${last}`} /></figure>;
}

function data(chart: Drawn, series: Points): uPlot.AlignedData {
  return [series.times, ...chart.columns.map((column) => series.columns[column.key] ?? [])] as uPlot.AlignedData;
}

function options(chart: Drawn, width: number, marks: { current: Fill[] }, inUtc: boolean): uPlot.Options {
  const tone = (name: string): string => colour(name);
  const axis = { stroke: tone("--quiet"), grid: { stroke: tone("--line"), width: 1 }, ticks: { show: false }, font: "11px system-ui" };
  return {
    width,
    height: chart.height,
    ...(inUtc ? { tzDate: (at: number) => uPlot.tzDate(new Date(at * 1000), "UTC") } : {}),
    legend: { show: chart.columns.length > 1, live: false, markers: { dash: (_, index) => (chart.columns[index - 1]?.dash ? "dotted" : "solid") } },
    cursor: { sync: { key: "symbol" }, y: false, drag: { x: false, y: false } },
    padding: [6, 26, 0, 0],
    axes: [{ ...axis, size: 20, values: (_, times) => times.map((at) => clock(at, (times.at(-1) ?? 0) - (times[0] ?? 0), inUtc)) }, { ...axis, size: 74, values: (_, values) => values.map((value) => value.toLocaleString("en", { maximumFractionDigits: 6 })) }],
    series: [
      {},
      ...chart.columns.map((column): uPlot.Series => ({
        label: column.label,
        stroke: tone(column.tone),
        width: column.key === "mid" ? 1.5 : 1,
        points: { show: false, size: 4, fill: tone(column.tone), filter: (drawn, index) => isolated(drawn.data[index] ?? []) },
        ...(column.dash ? { dash: column.dash } : {}),
        ...(column.step && uPlot.paths.stepped ? { paths: uPlot.paths.stepped({ align: 1 }) } : {}),
      })),
    ],
    hooks: { draw: [(drawn) => drawFills(drawn, marks.current, tone)] },
  };
}

function clock(at: number, span: number, inUtc: boolean): string {
  const time = new Date(at * 1000);
  const zone = inUtc ? { timeZone: "UTC" } : {};
  if (span <= DAY_S) return time.toLocaleTimeString("en-GB", zone);
  return time.toLocaleString("en-GB", { ...zone, day: "numeric", month: "short", ...(span <= 4 * DAY_S ? { hour: "2-digit", minute: "2-digit" } : {}) });
}

/** A triangle at price and time: up where we bought, down where we sold. */
function drawFills(drawn: uPlot, fills: Fill[], tone: (name: string) => string): void {
  const { ctx } = drawn;
  const size = 4.5 * devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(drawn.bbox.left, drawn.bbox.top, drawn.bbox.width, drawn.bbox.height);
  ctx.clip();
  for (const fill of fills) {
    const x = drawn.valToPos(Date.parse(fill.executed_at) / 1000, "x", true);
    const y = drawn.valToPos(num(fill.price), "y", true);
    const up = fill.side === "BUY" ? 1 : -1;
    ctx.fillStyle = tone(fill.side === "BUY" ? "--bid" : "--ask");
    ctx.beginPath();
    ctx.moveTo(x, y - up * size);
    ctx.lineTo(x + size, y + up * size);
    ctx.lineTo(x - size, y + up * size);
    ctx.fill();
  }
  ctx.restore();
}

const probe = document.createElement("span");

/** A variable of the style sheet as a colour: a canvas knows no light-dark(). */
function colour(name: string): string {
  probe.hidden = true;
  probe.style.color = `var(${name})`;
  if (!probe.isConnected) document.body.append(probe);
  return getComputedStyle(probe).color;
}
