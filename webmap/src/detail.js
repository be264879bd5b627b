// The right panel: the picked grid or finding, and what can be said of it.
import { rangeBar } from "./bar.js";
import { area, el, facts, fill, grouped, number, percent, sign, texts, words } from "./dom.js";
import { findingList } from "./work.js";

const closing = (on) => el("button.plain.close", { type: "button", onclick: on.close, title: texts.plan.close, "aria-label": texts.plan.close, "aria-keyshortcuts": "Escape" }, "×");

export function gridDetail(place, { grid, zone, range, findings, state, on }) {
  const inhabited = range && grid.households > 0;
  place.replaceChildren(
    closing(on),
    el("p.over", {}, texts.detail.grid),
    el("h2.code", {}, grouped(grid.code)),
    el("p.sub", {}, [grid.name, words("kinds", grid.kind)].filter(Boolean).join(" · ")),
    grid.households !== undefined && el("p.figure", {}, el("b", {}, number(grid.households)), " ", texts.detail.households, inhabited && verdict(grid, range)),
    inhabited ? rangeBar(grid.households, range) : el("p.note", {}, range ? texts.bands.empty : texts.detail.no_range),
    on.edits && gridTools(grid, on.edits),
    facts([
      [texts.fields.households_from, grid.from && words("sources", grid.from)],
      [texts.fields.area_m2, grid.area_m2 === undefined ? undefined : area(grid.area_m2)],
      [texts.detail.perimeter_m, grid.perimeter_m && `${number(grid.perimeter_m)} m`],
      [texts.fields.border_on_road, grid.border_on_road === undefined ? undefined : percent(grid.border_on_road)],
      [texts.detail.micros, grid.micros ? number(grid.micros) : undefined],
      [texts.fields.zone, zone && el("button.link", { type: "button", onclick: () => on.zone(zone.code) }, zone.name || grouped(zone.code))],
      [texts.fields.flags, (grid.flags ?? "").split(",").filter(Boolean).map((flag) => words("flags", flag.trim())).join(texts.page.comma)],
    ]),
    findings.length ? el("h3", {}, texts.detail.findings, el("b", {}, number(findings.length))) : "",
    findings.length ? findingList(findings, state, on) : "",
    el("p.steps", {},
      el("button", { type: "button", onclick: () => on.step(-1), "aria-keyshortcuts": "[" }, "‹ ", texts.plan.previous),
      el("button", { type: "button", onclick: () => on.step(1), "aria-keyshortcuts": "]" }, texts.plan.next, " ›")),
  );
  place.hidden = false;
}

// What one can do to the picked grid, of a draft.
function gridTools(grid, editor) {
  const tool = (name, word = texts.tools[name]) => el("button.second", { type: "button", onclick: () => editor.take(name), "data-grid-tool": name }, word);
  return el("p.grid-tools", {}, tool("give", texts.edit.brush_to), tool("split"), tool("lock", editor.draft.isLocked(grid.code) ? texts.actions.unlock : texts.actions.lock), tool("rename"));
}

function verdict({ households, band }, { min, max }) {
  if (band === "below") return el("span.verdict.out", {}, sign("finding"), fill(texts.detail.below, { n: number(min - households) }));
  if (band === "above") return el("span.verdict.out", {}, sign("finding"), fill(texts.detail.above, { n: number(households - max) }));
  return el("span.verdict", {}, sign("ready"), texts.detail.in_range);
}

const codeOf = (code, grid, on) =>
  grid ? el("button.link", { type: "button", onclick: () => on.grid(grid.code, { go: true }) }, el("code", {}, grouped(code))) : el("code", {}, grouped(code));

export function findingDetail(place, { finding, grid, on }) {
  const severity = finding.severity === "hard" ? "hard" : "finding";
  place.replaceChildren(
    closing(on),
    el("p.over", {}, sign(severity), " ", texts.severities[severity]),
    el("h2", {}, words("rules", finding.rule)),
    el("p.note", {}, finding.detail ?? ""),
    facts([
      [texts.fields.code, finding.code && codeOf(finding.code, grid, on)],
      [texts.fields.clause, finding.clause],
    ]),
  );
  place.hidden = false;
}
