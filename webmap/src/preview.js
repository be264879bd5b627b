// What an edit would do: each grid before and after, what changes in bold.
import { area, el, fill, number, percent, sign, texts } from "./dom.js";

const FORMS = {
  households: number,
  area_m2: area,
  parts: number,
  compactness: (value) => value.toFixed(2),
  street_m: (value) => `${number(value)} m`,
  border_on_road: percent,
  microgrids: number,
  microgrids_out: number,
};
const ALWAYS = ["households"];

// Households against the range: where the bar stood and where it goes.
function bar(row, range) {
  if (!range) return "";
  const end = Math.max(range.max * 1.3, (row.before.households ?? 0) * 1.05, (row.after.households ?? 0) * 1.05);
  const at = (value) => `${(100 * value) / end}%`;
  const box = el("span.move", { "aria-hidden": "true" }, el("i.move-range"));
  Object.assign(box.firstChild.style, { left: at(range.min), width: `${(100 * (range.max - range.min)) / end}%` });
  for (const side of ["before", "after"]) {
    if (row[side].households === undefined) continue;
    const needle = el(`i.move-${side}`);
    needle.style.left = at(row[side].households);
    box.append(needle);
  }
  return box;
}

const written = (name, value) => (value === undefined || value === null ? "–" : FORMS[name](value));

function measure(name, { before, after }) {
  const was = written(name, before[name]), now = written(name, after[name]);
  if (was === now && !ALWAYS.includes(name)) return [];
  return [el("dt", {}, texts.measures[name]), el("dd", {}, was === now ? now : [el("span.was", {}, was), " → ", el("b", {}, now)])];
}

function state(row, range) {
  const n = row.after.households;
  if (n === undefined) return el("span.verdict.out", {}, texts.edit.given_up);
  const inside = row.after.in_range ?? (range ? n >= range.min && n <= range.max : undefined);
  if (inside === undefined || inside === null) return "";
  return inside ? el("span.verdict", {}, sign("ready"), texts.detail.in_range) : el("span.verdict.out", {}, sign("finding"), range ? fill(n < range.min ? texts.detail.below : texts.detail.above, { n: number(n < range.min ? range.min - n : n - range.max) }) : texts.edit.out_of_range);
}

export function previewRows(rows, rangeOf) {
  return el("ol.preview", {}, rows.map((row) => {
    const range = rangeOf(row.code);
    return el("li", {}, el("p.preview-head", {}, el("code", {}, row.code.slice(12)), el("span", {}, row.name ?? ""), state(row, range)), bar(row, range),
      el("dl", {}, Object.keys(FORMS).flatMap((name) => measure(name, row))));
  }));
}
