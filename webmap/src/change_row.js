// A row of what two plans differ in: what became of which grid, and how many households went.
import { area, el, fill, grouped, number, texts } from "./dom.js";

export function changeRow(row, onclick) {
  const label = [row.old_code, row.new_code].filter((code, at, all) => code && all.indexOf(code) === at).map((code) => grouped(code).slice(-3)).join(" → ");
  return el("li", {}, el("button.change", { type: "button", onclick },
    el("b", {}, texts.review_changes[row.change]), el("code", { title: [row.old_code, row.new_code].filter(Boolean).map(grouped).join(" → ") }, `${grouped(row.new_code ?? row.old_code).slice(7, 14)} ${label}`),
    el("span", {}, row.households === null || row.households === undefined ? area(row.area_m2) : fill(texts.review.households, { n: number(row.households) }))));
}
