// Recorded cases: the list of an area by state, and one of them with what can be done to it.
import { ago, limitText, names, why } from "./case_answer.js";
import { el, facts, fill, grouped, number, percent, sign, texts } from "./dom.js";
import { put } from "./panel.js";

const said = texts.dispatch, states = texts.dispatch_states;
const SIGNS = { awaiting: "finding", open: "none", closed: "ready", refused: "hard" };
const when = new Intl.DateTimeFormat(texts.language, { dateStyle: "medium", timeStyle: "short" });

export function caseFilters(place, { state, on }) {
  const chip = (name) => el("button.filter", { type: "button", "aria-pressed": String((state || "all") === name), onclick: () => on.state(name === "all" ? "" : name) }, states[name]);
  put(place, ...["all", "awaiting", "open", "closed", "refused"].map(chip));
}

export function caseList(place, { cases, more, picked, state, itemName, on }) {
  if (!cases.length) return put(place, el("p.empty", {}, state ? said.none_of_state : said.no_cases));
  const row = (one) => el("li", {}, el(
    "button.case", { type: "button", "aria-current": String(one.number === picked), onclick: () => on.open(one.number), "data-number": one.number },
    sign(SIGNS[one.state]), el("span.case-item", {}, itemName(one.item) || "–"), el("span.case-state", {}, states[one.state]),
    el("code", {}, one.grid_code ? grouped(one.grid_code) : one.number), el("time", { dateTime: one.reported_at }, ago(one.reported_at)),
    isUnsure(one) ? el("small", {}, said.unsure) : "",
  ));
  put(place,
    el("ol.case-list", {}, cases.map(row)),
    more ? el("button.link", { type: "button", onclick: on.older }, said.older) : "",
  );
}

export const isUnsure = (one) => ["awaiting", "open"].includes(one.state) && !one.chosen_by && one.answer.unsure;

export function casePanel(place, { one, itemName, form, caller, mayHand, on }) {
  const act = (name, text, more = {}) => el("button.second", { type: "button", onclick: () => on.act(name), ...more }, text);
  const live = ["awaiting", "open"].includes(one.state);
  put(place,
    el("button.plain.close", { type: "button", onclick: on.close, title: said.close, "aria-label": said.close, "aria-keyshortcuts": "Escape" }, "×"),
    el("p.over", {}, sign(SIGNS[one.state]), " ", states[one.state]),
    el("h2.code", {}, one.number),
    el("p.sub", {}, itemName(one.item)),
    facts([
      [said.grid, one.grid_code && [el("code", {}, grouped(one.grid_code)), el("small.under", {}, one.chosen_by ? fill(said.chosen_by, { name: one.chosen_by }) : fill(said.sure, { n: percent(one.confidence) }))]],
      [said.lead, names(one.lead)],
      [said.co, names(one.co)],
      [said.limit, limitText(one.answer.limit)],
      [said.reported, when.format(new Date(one.reported_at))],
      [said.source, texts.dispatch_sources[one.source] ?? one.source],
      [said.recorded_by, one.actor],
      [said.changed, one.updated_at === one.received_at ? "" : when.format(new Date(one.updated_at))],
      [said.pushes, one.handed ? number(one.handed) : ""],
    ]),
    el("div.actions", {},
      one.state === "awaiting" ? [act("verify", said.verify, { className: "main" }), act("refuse", said.refuse)] : "",
      one.state === "open" ? act("close", said.settle, { className: "main" }) : "",
      live && mayHand ? act("hand", said.hand) : "",
    ),
    form ? stepForm(form, one, on) : "",
    live && isUnsure(one) ? options(one, on) : "",
    one.has_private ? el("p.note", {}, el("button.link", { type: "button", onclick: on.caller }, said.see_caller)) : "",
    caller ? told(caller) : "",
    why({ trace: one.answer.trace, rule: one.answer.rule, clause: one.answer.clause }),
  );
  place.hidden = false;
}

function options(one, on) {
  const row = ({ grid_code: code, share }, at) => el("li", {}, el("button.candidate", { type: "button", onclick: () => on.choose(code) }, el("kbd", {}, at + 1), el("code", {}, grouped(code)), el("small", {}, fill(said.part, { n: percent(share) }))));
  return [el("h3", {}, said.candidates), el("ol.candidates", {}, one.answer.options.slice(0, 9).map(row))];
}

function told(caller) {
  const rows = ["description", "address", "caller", "phone"].filter((name) => caller[name]).map((name) => [name === "address" ? said.place_of : said[name], caller[name]]);
  return rows.length ? facts(rows) : el("p.hint", {}, said.no_caller);
}

function stepForm(form, one, on) {
  const needed = form !== "close";
  return el("form.step", { onsubmit: (event) => { event.preventDefault(); on.send(form, Object.fromEntries(new FormData(event.target))); } },
    ...(form === "hand" ? [
      el("label", {}, said.to_lead, el("input", { name: "lead", maxLength: 200 })),
      el("label", {}, said.to_grid, el("input", { name: "grid_code", pattern: "[0-9 ]{15,19}", maxLength: 19, inputMode: "numeric" })),
      one.handed ? "" : el("label.check", {}, el("input", { type: "checkbox", name: "pushed_back", value: "yes" }), said.pushed_back),
    ] : []),
    el("label", {}, form === "close" ? said.how : said.reason, el("textarea", { name: "reason", rows: 2, maxLength: 1000, required: needed })),
    el("div.actions", {}, el("button.main", {}, said.send), el("button.second", { type: "button", onclick: () => on.act("") }, said.cancel)),
  );
}
