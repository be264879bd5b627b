// The right panel: the grid of a place, how sure it is, who answers for it and why.
import { el, facts, fill, grouped, number, percent, sign, spoken, texts, words } from "./dom.js";
import { put } from "./panel.js";

const said = texts.dispatch;
const closing = (on) => el("button.plain.close", { type: "button", onclick: on.close, title: said.close, "aria-label": said.close, "aria-keyshortcuts": "Escape" }, "×");
const OWN_WORDS = /^(a person chooses|no rule matches|the case goes up|no item is given|item .* is not in the catalogue|nobody is )/;

export const tail = (code) => grouped(code).split(" ").slice(-1)[0];
export const limitText = (limit) => (limit ? `${number(limit.value)} ${words("dispatch_units", limit.unit)}` : "");
export const names = (list) => list.split(";").filter(Boolean).join(texts.page.comma);

export function answerPanel(place, { found, chosen, cases, mayRecord, on }) {
  const must = found.must_choose && !chosen;
  const shown = chosen || found.grid_code;
  const asks = asksFor(found);
  put(place,
    closing(on),
    shown ? el("p.over", {}, said.grid) : "",
    shown ? el("h2.code", {}, grouped(shown)) : el("h2", {}, found.method === "unlocated" ? said.no_address : said.no_place),
    shown ? sureness(found, must) : el("p.note", {}, said.no_place_hint),
    asks === "place" ? places(found, on) : "",
    asks === "grid" ? candidates(found, chosen, on) : "",
    shown ? parties(found) : "",
    shown ? recording(found, must, mayRecord, on) : "",
    shown ? repeated(cases, on) : "",
    shown ? people(found) : "",
    shown ? why(found) : "",
    notes(found),
  );
  place.hidden = false;
}

// What a person is asked: which place is meant, where the address may mean several, else which grid.
export function asksFor(found) {
  if (likely(found).length > 1) return "place";
  return found.must_choose && found.candidates.length ? "grid" : "";
}

const LEAST = 0.03;
export const likely = ({ places }) => places.filter(({ score }, at) => at === 0 || score >= LEAST);

function sureness({ confidence, border, accuracy_m: accuracy }, must) {
  return [
    el("p.figure", {}, el("b", {}, fill(said.sure, { n: percent(confidence ?? 0) })), must ? el("span.verdict.out", {}, sign("finding"), said.unsure) : el("span.verdict", {}, sign("ready"))),
    el("p.sub", {}, border ? fill(said.border, { n: number(border.distance_m), code: `…${tail(border.grid_code)}` }) : fill(said.no_border, { n: number(400) }), " · ", fill(said.accuracy, { n: number(accuracy) })),
  ];
}

function candidates({ candidates: rows, grid_code: own }, chosen, on) {
  const row = (one, at) => el("li", {}, el(
    "button.candidate", { type: "button", "aria-pressed": String(one.grid_code === chosen), onclick: () => on.choose(one.grid_code) },
    el("kbd", {}, at + 1), el("code", {}, grouped(one.grid_code)), el("span", {}, one.leader),
    el("small", {}, one.share > 0 || one.grid_code === own ? fill(said.part, { n: percent(one.share) }) : fill(said.away, { n: number(one.distance_m) })),
  ));
  return [el("h3", {}, said.candidates), el("p.hint", {}, said.choose_hint), el("ol.candidates", { id: "candidates" }, rows.slice(0, 9).map(row))];
}

function places(found, on) {
  const row = (one, at) => el("li", {}, el(
    "button.candidate", { type: "button", onclick: () => on.place(one) },
    el("kbd", {}, at + 1), el("b", {}, one.text), el("span", {}, words("dispatch_kinds", one.kind)),
    el("small", {}, fill(said.sure, { n: percent(one.score) }), " · ", fill(said.matched, { what: Object.values(one.matched).join(" ") || one.text })),
  ));
  return [el("h3", {}, said.places), el("p.hint", {}, said.places_hint), el("ol.candidates", { id: "places" }, likely(found).map(row))];
}

function parties(found) {
  const none = !found.rule && found.item && (found.designates ? fill(said.no_rule, found) : said.no_designates);
  return [
    facts([
      [said.lead, found.lead ? names(found.lead) : found.rule || none || !found.item ? "" : said.nobody],
      [said.co, found.co && names(found.co)],
      [said.limit, limitText(found.limit)],
      [said.microgrid, found.microgrid_code && el("code", {}, grouped(found.microgrid_code))],
      [said.by, words("dispatch_methods", found.method)],
      [said.taken_for, found.address?.replace(/ in EPSG:4326$/, "")],
    ]),
    found.item ? "" : el("p.note", {}, said.no_item),
    none ? el("p.note", {}, none) : "",
    found.refusable && found.item ? el("p.note", {}, sign("finding"), " ", said.refusable) : "",
    found.upward ? el("p.note", {}, sign("finding"), " ", said.upward) : "",
  ];
}

function recording(found, must, mayRecord, on) {
  if (!mayRecord) return "";
  return el("p.record", {}, el("button.main", { type: "button", id: "record", disabled: must, title: must ? said.choose_first : said.record_hint, "aria-keyshortcuts": "r", onclick: on.record }, said.record, " ", el("kbd", {}, "r")), el("small", {}, must ? said.choose_first : said.record_hint));
}

function repeated(cases, on) {
  if (!cases) return "";
  return [
    el("h3", {}, said.duplicates),
    cases.length
      ? el("ul.duplicates", {}, cases.map((one) => el("li", {}, el("button.link", { type: "button", onclick: () => on.open(one.number) }, el("code", {}, one.number)), " ", fill(said.duplicate, { n: number(one.away_m), when: ago(one.reported_at) }), " · ", texts.dispatch_states[one.state])))
      : el("p.hint", {}, said.no_duplicates),
  ];
}

// Each person once, under all roles that he has here.
function people({ parties: roles = {} }) {
  const rows = Object.entries(roles).flatMap(([role, list]) => list.map((one) => [role, one]));
  const known = new Map();
  for (const [role, one] of rows) if (!known.has(one.post_code)) known.set(one.post_code, [role, one]);
  return [
    el("h3", {}, said.parties, el("b", {}, number(known.size))),
    known.size ? el("ul.people", {}, [...known.values()].map(([role, one]) => el("li", {},
      el("span", {}, words("dispatch_roles", role === "lead" ? one.role : role)), el("b", {}, one.name),
      one.public_phone.includes("*") || !one.public_phone ? el("span.phone", {}, one.public_phone) : el("a.phone", { href: `tel:${one.public_phone}` }, one.public_phone),
      el("small", {}, [one.organisation, one.department, one.public_hours].filter(Boolean).join(" · ")),
    ))) : el("p.hint", {}, said.no_parties),
  ];
}

export function why({ trace = [], rule, clause }) {
  if (!trace.length) return "";
  const failed = (text) => {
    const unknown = text.endsWith(" not known");
    return fill(unknown ? said.not_known : said.not_met, { what: words("dispatch_conditions", unknown ? text.slice(0, -10) : text) });
  };
  const row = (one) => el("li", { className: one.rule_id === rule ? "decides" : "" }, sign(one.rule_id === rule ? "ready" : "none"), el("code", {}, one.rule_id), el("span", {}, one.rule_id === rule ? said.decided : one.failed ? failed(one.failed) : ""), el("small", {}, one.clause));
  return el("details.why", {}, el("summary", {}, said.why, " ", el("small", {}, [rule, clause].filter(Boolean).join(" · "))), el("ol.trace", {}, trace.map(row)));
}

function notes({ warnings = [], problem }) {
  const told = [problem, ...warnings.filter((one) => !OWN_WORDS.test(one))].filter(Boolean);
  return told.length ? [el("h3", {}, said.notes), el("ul.notes", {}, told.map((one) => spoken("li", one)))] : "";
}

export function ago(iso) {
  const minutes = Math.max(0, Math.round((Date.now() - new Date(iso)) / 60_000));
  if (minutes < 1) return said.now;
  return minutes < 120 ? fill(said.minutes_ago, { n: number(minutes) }) : fill(said.hours_ago, { n: number(minutes / 60) });
}
