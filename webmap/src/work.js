// The left panel: zones with their state, or the findings and grids of the picked zone.
import { miniBar } from "./bar.js";
import { area, el, facts, fill, finePercent, grouped, number, percent, sign, texts, words } from "./dom.js";

const FILTERS = {
  all: () => true,
  out: (zone) => zone.out_of_range > 0,
  hard: (zone) => zone.hard > 0,
  finding: (zone) => zone.finding > 0,
};

const counted = (state, n) => fill(texts.states[n === 1 ? `${state}_one` : `${state}_many`], { n: number(n) });
const counts = (zone) => ({ hard: zone.hard, finding: zone.finding, out: zone.out_of_range });
const stateOf = (zone) => texts.states[zone.state] ?? counted(zone.state, counts(zone)[zone.state]);

export function zoneList(body, { summary, state, on }) {
  const { counts, zones } = summary;
  if (!zones.length) return body.replaceChildren(el("p.empty", {}, texts.plan.no_zones));
  const numbers = { all: counts.zones, out: counts.below + counts.above, hard: counts.hard, finding: counts.finding };
  const shown = state.show in FILTERS ? state.show : "all";
  const chip = (name) =>
    el("button.chip", { type: "button", "aria-pressed": String(shown === name), onclick: () => on.show(name === "all" ? "" : name), disabled: !numbers[name] },
      el("b", {}, number(numbers[name])), el("span", {}, texts.filters[name]));
  const list = el("ol.zones");
  const rows = zones.filter(FILTERS[shown]).map((zone) => ({ zone, row: zoneRow(zone, on), key: `${zone.name} ${zone.code}`.toLowerCase() }));
  const none = el("p.empty", {}, texts.plan.no_match, " ", el("button.link", { type: "button", onclick: () => on.show("") }, texts.plan.show_all));
  const narrow = (text) => {
    const wanted = text.toLowerCase().replace(/\s+/g, "");
    const fit = rows.filter(({ key }) => key.replace(/\s+/g, "").includes(wanted));
    list.replaceChildren(...fit.map(({ row }) => row));
    none.hidden = fit.length > 0;
  };
  const find = el("input.find", { type: "search", id: "find", placeholder: texts.plan.find_zone, "aria-label": texts.plan.find_zone, "aria-keyshortcuts": "/", oninput: () => narrow(find.value) });
  narrow("");
  return body.replaceChildren(el("div.chips", {}, Object.keys(FILTERS).map(chip)), find, list, none);
}

function zoneRow(zone, on) {
  return el("li", {}, el(
    "button.zone", { type: "button", onclick: () => on.zone(zone.code) },
    sign(zone.state), el("span.zone-name", {}, zone.name || grouped(zone.code)), el("span.zone-state", {}, stateOf(zone)),
    el("code", {}, grouped(zone.code)), el("span.zone-grids", {}, fill(texts.plan.grid_count, { n: number(zone.grids) })),
  ));
}

export function zonePanel(body, { zone, grids, findings, state, on }) {
  const proof = zone.proof && fill(texts.proofs[zone.proof] ?? zone.proof, { gap: finePercent(zone.gap ?? 0) });
  body.replaceChildren(
    el("button.link.back", { type: "button", onclick: on.back }, "‹ ", texts.plan.back),
    el("h2", {}, zone.name || grouped(zone.code)),
    el("p.sub", {}, el("code", {}, grouped(zone.code)), " · ", words("kinds", zone.kind)),
    facts([
      [texts.fields.households, zone.households === undefined ? texts.fields.unknown : number(zone.households)],
      [texts.fields.area_m2, zone.area_m2 && area(zone.area_m2)],
      [texts.detail.grids, zone.grids ? fill(texts.plan.in_range_of, { n: number(zone.in_range), all: number(zone.grids) }) : texts.states.none],
      [texts.detail.proof, proof],
      [texts.fields.flags, zone.flags.map((flag) => words("flags", flag)).join(texts.page.comma)],
    ]),
    el("h3", {}, texts.detail.findings, el("b", {}, number(findings.length))),
    findings.length ? findingList(findings, state, on) : el("p.good", {}, sign("ready"), zone.grids ? texts.plan.no_findings : texts.plan.no_grids),
    el("h3", {}, texts.detail.grids, el("b", {}, number(grids.length))),
    el("ol.grids", {}, grids.map((grid) => gridRow(grid, state, on))),
  );
}

const FIRST = 50;

export function findingList(findings, state, on) {
  const row = (finding) => el("li", {}, el(
    "button.finding", { type: "button", "aria-current": String(finding.id === state.finding), onclick: () => on.finding(finding.id) },
    sign(finding.severity === "hard" ? "hard" : "finding"),
    el("span", {}, el("b", {}, words("rules", finding.rule)), finding.code ? el("code", {}, finding.code.slice(12)) : "", el("small", {}, finding.detail ?? "")),
  ));
  const list = el("ol.findings", {}, findings.slice(0, FIRST).map(row));
  if (findings.length > FIRST) {
    const rest = () => { list.lastChild.remove(); list.append(...findings.slice(FIRST).map(row)); };
    list.append(el("li", {}, el("button.link", { type: "button", onclick: rest }, fill(texts.plan.more, { n: number(findings.length - FIRST) }))));
  }
  return list;
}

function gridRow(grid, state, on) {
  const out = ["below", "above"].includes(grid.band);
  return el("li", {}, el(
    "button.grid", { type: "button", "aria-current": String(grid.code === state.grid), onclick: () => on.grid(grid.code, { go: true }) },
    el("code", {}, grid.code.slice(12)), el("span.grid-name", {}, grid.name ?? ""), miniBar(grid.position),
    el("span.grid-number", { title: out ? texts.bands[grid.band] : "" }, out ? sign("finding") : "", grid.households === undefined ? "–" : number(grid.households)),
  ));
}
