// The book around the mid: others' depth as bars, our orders with what can stand before them.

import { useState } from "preact/hooks";
import { decimals, duration, fixed, NONE, num } from "../format";
import type { Depth, DepthLevel, Quotes, Side } from "../types";

const SHOWN = 12;

interface Line {
  price: number;
  others: number;
  ours: number;
}

/** Levels put together by a step, best first. */
export function grouped(levels: DepthLevel[], step: number, side: Side): Line[] {
  const lines = new Map<number, Line>();
  for (const level of levels) {
    const exact = num(level.price);
    const steps = exact / step;
    const price = step ? (side === "BUY" ? Math.floor(steps + 1e-9) : Math.ceil(steps - 1e-9)) * step : exact;
    const line = lines.get(price) ?? { price, others: 0, ours: 0 };
    line.others += num(level.others);
    line.ours += num(level.ours);
    lines.set(price, line);
  }
  return [...lines.values()];
}

export function Ladder({ depth, read, quotes, tick, mid }: { depth: Depth; read: number; quotes: Quotes | null; tick: number; mid: string | null }) {
  const [factor, setFactor] = useState(1);
  const unit = 10 ** -tick;
  const step = factor === 1 ? 0 : factor * unit;
  if (!depth.valid) return <p class="note danger">No valid book: {depth.reason}</p>;
  const asks = grouped(depth.asks, step, "SELL").slice(0, SHOWN);
  const bids = grouped(depth.bids, step, "BUY").slice(0, SHOWN);
  const largest = Math.max(...[...asks, ...bids].map((line) => line.others + line.ours), 0);
  const sizes = Math.min(5, Math.max(...depth.bids.slice(0, 5).map((level) => decimals(level.others.replace(/0+$/, ""))), 2));
  const levels = quotes?.quote?.levels ?? [];
  const line = (one: Line, side: Side) => {
    const here = levels.filter((level) => level.side === side && level.resting && Math.abs(num(level.resting.price) - one.price) <= (step || unit / 2));
    return (
      <tr key={`${side}${one.price}`} class={`${side === "BUY" ? "bid" : "ask"} ${one.ours ? "ours" : ""}`}>
        <th scope="row" class="n">{fixed(one.price.toFixed(tick + 2), tick)}</th>
        <td class="n size">{one.others ? one.others.toFixed(sizes) : NONE}</td>
        <td class="depth">
          <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect width={largest ? (100 * one.others) / largest : 0} height="10" /></svg>
        </td>
        <td class="n mine" title={one.ours ? `At most ${one.others.toFixed(sizes)} stand before it: an estimate, the exchange tells nobody's place` : ""}>
          {one.ours ? <b>{side === "BUY" ? "►" : "◄"} {one.ours.toFixed(sizes)}</b> : ""}
          {here.length ? <small title="Level"> L{here.map((level) => level.level).join(", ")}</small> : null}
          {one.ours ? <small> {one.others ? `q ≤ ${one.others.toFixed(Math.min(sizes, 3))}` : "q 1st"}</small> : null}
        </td>
      </tr>
    );
  };
  return (
    <div class="ladder">
      <div class="row tools">
        <h3>Book</h3><span class="spacer" />
        <label>step <select value={factor} onChange={(event) => setFactor(Number(event.currentTarget.value))}>{[1, 10, 100, 1000].map((one) => <option key={one} value={one}>{one === 1 ? "tick" : (one * unit).toFixed(Math.max(0, tick - Math.log10(one)))}</option>)}</select></label>
      </div>
      <table>
        <thead><tr><th scope="col" class="n">Price</th><th scope="col" class="n">Others</th><th scope="col"><span class="hidden">Depth</span></th><th scope="col" class="n">Ours</th></tr></thead>
        <tbody>{[...asks].reverse().map((one) => line(one, "SELL"))}</tbody>
        <tbody class="middle"><tr><th scope="row" class="n" colSpan={2}>{fixed(mid, tick + 1)}</th><td colSpan={2} class="quiet">mid, {duration((depth.age_ms ?? 0) + Date.now() - read)} old</td></tr></tbody>
        <tbody>{bids.map((one) => line(one, "BUY"))}</tbody>
      </table>
    </div>
  );
}
