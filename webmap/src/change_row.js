// A row of what two plans differ in: what became of which grid, and how many households went.
import { area, el, fill, grouped, number, texts } from "./dom.js";

export function changeRow(row, onclick) {
  const label = [row.old_code, row.new_code].filter((code, at, all) => code && all.indexOf(code) === at).map((code) => grouped(code).slice(-3)).join(" → ");
  return el("li", {}, el("button.change", { type: "button", onclick },
    el("b", {}, texts.review_changes[row.change]), el("code", { title: [row.old_code, row.new_code].filter(Boolean).map(grouped).join(" → ") }, `${grouped(row.new_code ?? row.old_code).slice(7, 14)} ${label}`),
    el("span", {}, row.households === null || row.households === undefined ? area(row.area_m2) : fill(texts.review.households, { n: number(row.households) }))));
}

// Marks the row that is picked, and brings it into view.
export function markRow(at) {
  const rows = [...document.querySelectorAll(".change")];
  for (const [k, row] of rows.entries()) row.setAttribute("aria-current", String(k === at));
  rows[at]?.scrollIntoView({ block: "nearest" });
}

// The row before or after one of n, round and round; the first or the last where none is picked.
export const nextRow = (at, by, n) => ((at ?? (by > 0 ? -1 : 0)) + by + n) % n;
