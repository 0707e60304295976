"use strict";
(() => {
  const data = JSON.parse(document.getElementById("figures").textContent);
  const root = document.getElementById("report");
  const charts = [];

  function el(name, attributes, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
    for (const child of children.flat()) if (child !== null && child !== undefined) made.append(child);
    return made;
  }
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const number = (value, digits = 2) => value === null || value === undefined ? "–"
    : Number(value).toLocaleString("en-US", { maximumFractionDigits: digits, minimumFractionDigits: digits });
  const percent = (value) => value === null || value === undefined ? "–" : number(value * 100, 1) + " %";
  const signed = (value) => (value > 0 ? "+" : "") + number(value);
  const tone = (value) => value > 0 ? "good" : value < 0 ? "bad" : "";
  const time = (us) => new Date(us / 1000).toISOString().replace("T", " ").slice(0, 19);

  const COLUMNS = [
    ["P&L", (s) => s.pnl_usdt.total, 2, true], ["spread", (s) => s.pnl_usdt.spread, 2], ["inventory", (s) => s.pnl_usdt.inventory, 2],
    ["fees paid", (s) => s.pnl_usdt.fees, 2], ["fills", (s) => s.fills, 0], ["volume", (s) => s.volume_usdt, 0],
    ["cancels per fill", (s) => s.cancels_per_fill, 2], ["2-sided %", (s) => s.two_sided_share === null ? null : s.two_sided_share * 100, 1],
    ["position σ", (s) => s.position_usdt_std, 0],
    ...data.horizons_s.map((h) => [`bps after ${h} s`, (s) => s.markout_bps[String(h)], 2]),
  ];

  function table(head, rows, left = 1) {
    const cell = (kind) => (value, index) => value instanceof Node && value.tagName === "TD" ? value : el(kind, index < left ? { class: "left" } : {}, value);
    const named = (made, index) => { made.dataset.name = head[index]; return made; };
    return el("div", { class: "scroll" }, el("table", {}, el("thead", {}, el("tr", {}, head.map(cell("th")))),
      el("tbody", {}, rows.map((row) => el("tr", {}, row.map(cell("td")).map(named))))));
  }

  function comparison() {
    const first = data.summaries[0];
    const rows = data.summaries.map((summary) => {
      const values = COLUMNS.map(([, read, digits, toned]) => {
        const value = read(summary), base = read(first);
        const told = el("td", toned ? { class: tone(Number(value)) } : {}, number(value, digits));
        if (summary !== first && summary.symbol === first.symbol && summary.capture === first.capture && value !== null && base !== null && value !== undefined)
          told.append(el("small", {}, (value - base > 0 ? "+" : "") + number(value - base, digits)));
        return told;
      });
      const name = el("td", {}, summary.config, el("small", {}, [summary.symbol, summary.model, summary.capture].filter(Boolean).join(" · ")));
      return [name, ...values];
    });
    return table(["", ...COLUMNS.map(([name]) => name)], rows);
  }

  function chart(caption, x, lines, options = {}) {
    const figure = el("figure", {}, el("h3", {}, caption));
    if (!x.length || lines.every((line) => line.values.every((value) => value === null))) {
      figure.append(el("p", { class: "quiet" }, options.empty || "Nothing to show."));
      return figure;
    }
    const place = el("div", {});
    figure.append(place);
    if (options.note) figure.append(el("figcaption", {}, options.note));
    charts.push({ place, draw() {
      place.replaceChildren();
      const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 } };
      const plot = {
        width: Math.max(280, place.clientWidth || 320), height: options.height || 210, cursor: { drag: { x: true, y: false } },
        scales: { x: options.scale || { time: true } },
        axes: [{ ...axis, ...(options.axis || {}) }, { ...axis, size: 62 }],
        series: [options.label || { label: "time (UTC)" }, ...lines.map((line, index) => ({
          label: line.label, stroke: colour(line.colour || `--c${index % 6 + 1}`), width: line.width || 1.5, dash: line.dash, spanGaps: false,
          points: { show: Boolean(options.points) }, paths: options.stepped ? uPlot.paths.stepped({ align: 1 }) : undefined,
          value: (_, value) => number(value, 3),
        }))],
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1e3), "Etc/UTC"),
      };
      new uPlot(plot, [x, ...lines.map((line) => line.values)], place);
    } });
    return figure;
  }

  function markouts(detail) {
    const x = data.horizons_s.map((_, index) => index);
    const lines = detail.markouts.map((curve) => ({
      label: curve.side === "all" ? `all (${curve.fills})` : `${curve.side.toLowerCase()} ${curve.level ?? "?"} (${curve.fills})`,
      values: curve.bps, width: curve.side === "all" ? 2.5 : 1.5, dash: curve.side === "SELL" ? [6, 4] : undefined,
    }));
    return chart("Markout after a fill, bps", x, lines, {
      scale: { time: false, range: [-0.2, x.length - 0.8] }, points: true, empty: "No fill has a markout.",
      label: { label: "after", value: (_, index) => index === null ? "–" : `${data.horizons_s[index]} s` },
      axis: { splits: () => x, values: (_, splits) => splits.map((index) => `${data.horizons_s[index]} s`) },
      note: "By side and level (number of fills), weighted by value: side × (mid later − price).",
    });
  }

  const card = (name, value, kind) => el("div", { class: "card" }, el("span", { class: "quiet" }, name), el("b", kind ? { class: kind } : {}, value));
  const spread3 = (three) => three ? three.map((value) => number(value, value < 10 ? 1 : 0)).join(" / ") : "–";
  const bar = (share) => { const inner = el("i", {}); inner.style.width = `${Math.min(100, share * 100)}%`; return el("div", { class: "bar" }, inner); };

  function times(detail) {
    const total = detail.time.reduce((sum, one) => sum + one.seconds, 0) || 1;
    const rows = detail.time.map((one) => [one.state, one.reason ?? "not recorded", number(one.seconds, 1), percent(one.seconds / total), bar(one.seconds / total)]);
    return el("figure", {}, el("h3", {}, "Time by state, and why there was no quote"), table(["state", "quoting, or why not", "seconds", "share", ""], rows, 2));
  }

  function presence(detail, summary) {
    const rows = detail.presence.map((one) => [one.programme, `${percent(one.required)} of ${one.unit}`, percent(one.reached), one.reached >= one.required ? "met" : "missed"]);
    return el("figure", {}, el("h3", {}, "Presence"),
      el("p", {}, `Quotes on both sides for ${percent(summary.two_sided_share)} of the time in which the symbol was ACTIVE (its first second apart).`),
      rows.length ? table(["obligation", "required", "reached", ""], rows) : el("p", { class: "quiet" }, "No obligation is known for this symbol."));
  }

  function worst(detail) {
    const rows = detail.worst_fills.map((fill) => [time(fill.at_us), fill.side.toLowerCase(), String(fill.level ?? "–"), fill.price, fill.quantity, fill.mid ?? "–",
      ...fill.markout_usdt.map((value) => el("td", { class: tone(Number(value)) }, value === null ? "–" : number(value, 4)))]);
    return el("figure", {}, el("h3", {}, "The ten worst fills"), rows.length
      ? table(["time (UTC)", "side", "level", "price", "quantity", "mid", ...data.horizons_s.map((h) => `after ${h} s`)], rows)
      : el("p", { class: "quiet" }, "No fill has a markout."), el("figcaption", {}, "By what they were worth ten seconds later, quote currency."));
  }

  function section(detail, index) {
    const summary = data.summaries[index], series = detail.series, orders = detail.orders;
    const settings = Object.entries(detail.settings).map(([name, value]) => `${name} ${value}`).join(" · ");
    return el("section", {},
      el("h2", {}, `${detail.name} · ${detail.symbol}`),
      el("p", { class: "quiet" }, [detail.model, detail.source, `${time(detail.began_us)} to ${time(detail.ended_us)} UTC`, `${summary.state}${summary.state === "HALTED" ? ": " + detail.state_reason : ""}`].filter(Boolean).join(" · ")),
      settings ? el("p", { class: "quiet" }, settings) : null,
      el("div", { class: "cards" },
        card("P&L", signed(Number(summary.pnl_usdt.total)), tone(Number(summary.pnl_usdt.total))), card("spread capture", signed(Number(summary.pnl_usdt.spread))),
        card("inventory", signed(Number(summary.pnl_usdt.inventory))), card("fees paid", number(summary.pnl_usdt.fees)),
        card("fills", number(summary.fills, 0)), card("fill ratio", percent(orders.fill_ratio)), card("cancels per fill", number(summary.cancels_per_fill)),
        card("order lifetime, ms (p10 / 50 / 90)", spread3(orders.lifetime_ms)), card("queue ahead at entry, USDT", spread3(orders.ahead_usdt))),
      chart("P&L and where it comes from", series.t, [
        { label: "total", values: series.total, width: 2.5 }, { label: "spread capture", values: series.spread },
        { label: "inventory", values: series.inventory }, { label: "fees paid", values: series.fees }], { height: 260, note: "Quote currency; total = spread capture + inventory − fees paid, exact; below zero, rebates exceed them." }),
      el("div", { class: "pair" },
        chart("Inventory", series.t, [{ label: "position, quote currency", values: series.position, colour: "--c3" }], { stepped: true }),
        chart("Spread between our innermost orders, bps", series.t, [{ label: "bps", values: series.quoted_bps, colour: "--c5" }], { stepped: true, empty: "Not recorded." }),
        markouts(detail), presence(detail, summary)),
      el("div", { class: "pair" }, times(detail)), el("div", { class: "pair" }, worst(detail)));
  }

  root.replaceChildren(el("h1", {}, data.title), ...data.notes.map((note) => el("p", { class: "quiet" }, note)),
    comparison(), el("p", { class: "quiet" }, "P&L = spread + inventory − fees paid; quote currency."), ...data.warnings.map((said) => el("p", { class: "bad" }, said)), data.summaries.length > 1 ? el("p", { class: "quiet" }, "Small figures: the difference to the first line of the same market.") : "",
    data.left_out[0] ? el("p", {}, `${data.left_out[0]} more have no section of their own${data.left_out[1] ? `, ${data.left_out[1]} of them no line` : ""}: --json has all of them.`) : "",
    ...data.details.map(section));
  const draw = () => charts.forEach((one) => one.draw());
  draw();
  for (const query of ["(prefers-color-scheme: dark)", "print"]) matchMedia(query).addEventListener("change", draw);
  addEventListener("beforeprint", draw);
  let waiting = 0;
  addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(draw, 120); });
})();
