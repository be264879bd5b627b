// The legend, with units: a sheet that folds.
import { el, fill, number, texts, words } from "./dom.js";
import { marker, stroke, swatch } from "./hatch.js";

// Borders by level, then by what lies under them; where nobody told, a grid's border is plain.
function lines(strokes) {
  const told = strokes.filter(({ name }) => name !== "plain").reverse();
  return [
    row(el("i.stroke.stroke-zone"), texts.levels.zone),
    ...(told.length ? told.map((one) => row(stroke(one), texts.strokes[one.name])) : [row(el("i.stroke.stroke-grid"), texts.levels.grid)]),
    row(el("i.stroke.stroke-microgrid"), texts.levels.microgrid),
  ];
}

const row = (sign, text, count) => el("li", {}, sign, el("span", {}, text), count === undefined ? "" : el("b", {}, number(count)));

export function legend(place, { bands, strokes, ranges, counts }, { open = innerWidth > 760 } = {}) {
  const band = Object.fromEntries(bands.map((one) => [one.name, one]));
  const ramp = bands.filter(({ name }) => /^(below|above|range\d)$/.test(name));
  const classes = ["below", "in_range", "above", "empty", "unranged"].filter((name) => counts[name]);
  const found = ["hard", "finding"].filter((severity) => counts[severity]);
  const box = el(
    "details.legend",
    { open },
    el("summary", { "aria-keyshortcuts": "l" }, texts.page.legend),
    el("h3", {}, texts.legend.households),
    el("div.ramp", { "aria-hidden": "true" }, ramp.map((one) => swatch(one, 27, 13))),
    el("div.ramp-ends", { "aria-hidden": "true" }, el("span", {}, texts.bands.minimum), el("span", {}, texts.bands.maximum)),
    Object.entries(ranges).map(([kind, { min, max }]) => el("p", {}, fill(texts.legend.range, { kind: words("kinds", kind), min: number(min), max: number(max) }))),
    el("ul", {}, classes.map((name) => row(swatch(band[name === "in_range" ? "range3" : name]), texts.bands[name], counts[name]))),
    el("h3", {}, texts.legend.borders),
    el("ul", {}, lines(strokes)),
    found.length > 0 && el("h3", {}, texts.legend.offenders),
    el("ul", {}, found.map((severity) => row(Object.assign(marker(severity).canvas, { className: "marker" }), texts.severities[severity], counts[severity]))),
  );
  place.replaceChildren(box);
  return { toggle: () => (box.open = !box.open) };
}
