// The four layers: how each colours a grid, and what the legend says of it. Never by colour alone.
import { el, fill, number, texts } from "./dom.js";
import { stroke, swatch } from "./hatch.js";

const T = texts.heat;
export const LAYERS = ["density", "grids", "significance", "trend"];
const small = new Intl.NumberFormat(texts.language, { maximumSignificantDigits: 3 });

const classOf = (rate, limits) => { const at = limits.findIndex((limit) => rate <= limit); return at < 0 ? limits.length - 1 : at; };

// How a grid is painted; limits of rates are those of the whole answer, so that two windows can be held together.
export function painter(layer, { grids }, choices, limits) {
  const bands = choices.bands[layer] ?? [];
  const fillOf = (name) => {
    const band = bands.find((one) => one.name === name);
    return band && { colour: band.fill, ...(band.hatch !== "none" && { hatch: `${layer}-${name}` }) };
  };
  const unknown = choices.bands.significance.find(({ name }) => name === "not_enough_data");
  const paint = {
    density: () => ({}),
    grids: (row) => (row.rate === undefined ? { colour: unknown.fill, hatch: "significance-not_enough_data" } : fillOf(String(classOf(row.rate, limits)))),
    significance: (row) => fillOf(row.verdict),
    trend: (row) => fillOf(row.trend ?? "not_enough_data"),
  }[layer];
  return (code) => {
    const row = grids[code];
    return row ? { verdict: row.verdict, ...paint(row) } : {};
  };
}

// Rows of the legend: what is drawn and what it means.
export function legendRows(layer, answer, choices) {
  const band = (one) => swatch({ ...one, hatch: one.hatch ?? "none", ink: one.ink ?? one.fill });
  const unsure = choices.bands.significance.find(({ name }) => name === "not_enough_data");
  const count = (key, name) => Object.values(answer.grids).filter((row) => row[key] === name).length;
  const outlines = ["hot", "cold"].filter((name) => count("verdict", name)).map((name) => [stroke({ ...choices.outlines[name], width: 2.4 }), T[`${name}_outline`]]);
  if (layer === "density")
    return { title: T.density, unit: T.density_unit, rows: [...answer.density.map(({ from, to, colour }) => [band({ fill: colour }), to === null ? fill(T.or_more, { low: number(from) }) : fill(T.between, { low: small.format(from), high: small.format(to) })]).reverse(), ...outlines] };
  if (layer === "grids") {
    const limits = answer.class_limits, last = limits.length - 1;
    const said = (k) => (k === 0 ? fill(T.up_to, { high: small.format(limits[0]) }) : k === last ? fill(T.above, { low: small.format(limits[k - 1]) }) : fill(T.between, { low: small.format(limits[k - 1]), high: small.format(limits[k]) }));
    return { title: T.grids, unit: answer.rate_unit, note: T.quantiles, rows: [...limits.map((_, k) => [band(choices.bands.grids[k]), said(k)]).reverse(), [band(unsure), T.not_enough_data], ...outlines] };
  }
  if (layer === "significance") return { title: T.significance, unit: "Gi*", rows: [...choices.bands.significance.map((one) => [band(one), `${choices.words.verdicts[one.name]} (${number(count("verdict", one.name))})`]), ...outlines] };
  return { title: T.trend, unit: fill(T.trend_by, { n: number(answer.periods.whole), by: T[answer.periods.by] }), rows: [...choices.bands.trend.map((one) => [band(one), `${T[one.name]} (${number(count("trend", one.name === "none" ? "none" : one.name))})`]), ...outlines] };
}

export function legend(place, told) {
  const open = place.querySelector("details")?.open ?? innerWidth > 760;
  place.replaceChildren(el("details.legend", { open }, el("summary", { "aria-keyshortcuts": "l" }, told.title), el("p.unit", {}, told.unit), told.note && el("p.quiet", {}, told.note), el("ul", {}, told.rows.map(([sign, text]) => el("li", {}, sign, el("span", {}, text))))));
}

// The map as a picture to send: title above, legend beside.
export function picture(maps, share, told, title, subtitle) {
  const [first] = maps, scale = first.width / (first.clientWidth || first.width / devicePixelRatio), pad = 16 * scale, side = 270 * scale, top = 74 * scale;
  const out = Object.assign(document.createElement("canvas"), { width: first.width + side, height: first.height + top });
  const pen = out.getContext("2d");
  const write = (text, x, y, size, weight = 400, colour = "#2b2a27") => { Object.assign(pen, { font: `${weight} ${size * scale}px system-ui, "Noto Sans CJK SC", sans-serif`, fillStyle: colour }); pen.fillText(text, x, y, out.width - x - pad); };
  pen.fillStyle = "#ffffff";
  pen.fillRect(0, 0, out.width, out.height);
  write(title, pad, 32 * scale, 20, 650);
  write(subtitle, pad, 56 * scale, 13, 400, "#67645c");
  if (maps.length === 1) pen.drawImage(first, 0, top);
  else {
    const cut = Math.round(first.width * share);
    pen.drawImage(maps[1], 0, 0, cut, first.height, 0, top, cut, first.height);
    pen.drawImage(first, cut, 0, first.width - cut, first.height, cut, top, first.width - cut, first.height);
    pen.fillStyle = "#1b4b58";
    pen.fillRect(cut - scale, top, 2 * scale, first.height);
  }
  let y = top + 22 * scale;
  const x = first.width + pad;
  write(told.title, x, y, 15, 650);
  write(told.unit, x, (y += 22 * scale), 12, 400, "#67645c");
  for (const [sign, text] of told.rows) {
    y += 25 * scale;
    pen.drawImage(sign, x, y - 12 * scale, 28 * scale, 14 * scale);
    write(text, x + 38 * scale, y, 13);
  }
  return out;
}
