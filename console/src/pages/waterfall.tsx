// Why this price, and why none: from the mid down to what became of each level, one column a level.

import { fixed, NONE, num, signed, words } from "../format";
import { Time } from "../parts";
import type { Quotes, QuotedLevel, QuoteSteps } from "../types";

export function Waterfall({ quotes, tick }: { quotes: Quotes; tick: number }) {
  return (
    <div class="waterfall">
      <p class="quiet">As of <Time at={quotes.at} />. Reads from the top: each line moves the price a little further.</p>
      {quotes.why_not.length ? (
        <div class="whynot">
          <h3>Why nothing, or not every level, is in the market</h3>
          <ul>{quotes.why_not.map((one) => <li key={one.code + one.detail}><b>{words(one.code)}</b> {one.detail}</li>)}</ul>
        </div>
      ) : null}
      {quotes.quote ? <Steps quote={quotes.quote} tick={tick} /> : <p>Nothing is computed now.</p>}
    </div>
  );
}

const LINEAR = "linear_skew";

type Line = [string, (level: QuotedLevel) => string, string];

export function Steps({ quote, tick, bare = false }: { quote: QuoteSteps; tick: number; bare?: boolean }) {
  const more = tick + 2;
  const bids = quote.levels.filter((level) => level.side === "BUY");
  const asks = quote.levels.filter((level) => level.side === "SELL");
  const levels = [...[...bids].reverse(), ...asks];
  const from = (level: QuotedLevel): string => (level.side === "BUY" ? quote.bid_mid : quote.ask_mid);
  const sign = (level: QuotedLevel): number => (level.side === "BUY" ? -1 : 1);
  const half = num(quote.spread) / 2;
  const lines: Line[] = [
    ["Mid of others", () => fixed(quote.mid, more), "The middle of others' best prices, our own orders taken out"],
    ["Fair value", (level) => fixed(from(level), more), "What the side is computed from: the mid or what the configuration takes instead; while it is uncertain, what is safe for the side"],
    ["Half spread", (level) => signed((sign(level) * half).toFixed(12), more), quote.model === LINEAR ? `Base spread times the volatility factor ${fixed(quote.volatility_factor, 3)}, half to each side` : `By the model ${words(quote.model)}, half to each side`],
    ["Inventory skew", () => signed((-num(quote.bias)).toFixed(12), more), `Moves both sides against the position: inventory is ${fixed((num(quote.inventory_norm) * 100).toFixed(6), 1)} % of its limit`],
    ["Level", (level) => signed((sign(level) * num(level.step)).toFixed(12), more), "How far outside the innermost level"],
    ["Formula", (level) => fixed(level.raw_price, more), "The sum of the lines above"],
    ["Rounded", (level) => fixed(level.rounded_price, tick), "Bids down, asks up to the tick"],
    ["Clamped", (level) => (level.clamp ? `${fixed(level.price, tick)}` : "no"), "Maker only: never through others' best price or our own"],
    ["Price", (level) => fixed(level.price, tick), "What is quoted"],
    ["Size", (level) => level.quantity, "Order size over the mid, down to the lot"],
  ];
  const verdict = (level: QuotedLevel): string => words(level.outcome || level.verdict);
  return (
    <>
    {quote.why_not_configured ? <p class="near">Quoted by {words(quote.model)}: {quote.why_not_configured}</p> : null}
    {quote.steps.length ? (
      <table class="list">
        <thead><tr><th scope="col">Of the model {words(quote.model)}</th><th scope="col" class="n">Value</th><th scope="col">What it is</th></tr></thead>
        <tbody>{quote.steps.map((step) => <tr key={step.name}><th scope="row">{step.name}</th><td class="n">{step.value} {step.unit}</td><td class="wrap">{step.says}</td></tr>)}</tbody>
      </table>
    ) : null}
    <div class="scroller" tabIndex={0} role="region" aria-label="Steps of each level">
      <table class="steps">
        <thead>
          <tr>
            <th scope="col">Step</th>
            {levels.map((level) => <th key={level.side + level.level} scope="col" class={`n ${level.side === "BUY" ? "bid" : "ask"}`}>{level.side === "BUY" ? "bid" : "ask"} {level.level}</th>)}
            <th scope="col">What it is</th>
          </tr>
        </thead>
        <tbody>
          {lines.map(([name, value, what]) => (
            <tr key={name} class={name === "Price" || name === "Formula" ? "sum" : ""}>
              <th scope="row">{name}</th>
              {levels.map((level) => <td key={level.side + level.level} class="n">{value(level)}{name === "Clamped" && level.clamp ? <small>{words(level.clamp)}</small> : null}</td>)}
              <td class="quiet">{what}</td>
            </tr>
          ))}
          <tr class="sum">
            <th scope="row">Outcome</th>
            {levels.map((level) => <td key={level.side + level.level} class="n" title={level.detail}>{verdict(level)}</td>)}
            <td class="quiet">What became of it</td>
          </tr>
          {bare ? null : (
            <tr>
              <th scope="row">In the market</th>
              {levels.map((level) => <td key={level.side + level.level} class="n">{level.resting ? `${fixed(level.resting.price, tick)} x ${level.resting.remaining}` : NONE}{level.resting?.why_here ? <small>{level.resting.why_here}</small> : null}</td>)}
              <td class="quiet">Our order for the level</td>
            </tr>
          )}
        </tbody>
      </table>
    </div>
    </>
  );
}
