// The card of the tool in hand: its form, what it would do, why it may not, and the buttons.
import { el, fill, grouped, number, sign, texts } from "./dom.js";
import { previewRows } from "./preview.js";
import { editDetail } from "./ribbon.js";
import { toolForm } from "./tools.js";

// A place in the plane of the store, for which the map stands.
const PLACE = /-?\d+\.\d{2,6} -?\d+\.\d{2,6}$/;

export function card(place, editor) {
  const { tool, state, form, planner, zone, on, busy } = editor;
  const edit = editor.shownEdit && editor.draft.edits.find(({ number }) => number === editor.shownEdit);
  const notes = [
    state.kept && el("p.good", { role: "status" }, sign("ready"), state.kept),
    state.others && el("div.told-others", { role: "status" }, el("p", {}, texts.edit.others_changed), state.others.map((one) => el("p", {}, one))),
    edit && editDetail(edit, { steps: editor.stepsTo(edit), on }),
    state.conflict && conflict(state.conflict, on),
    state.refused && refused(state.refused, on),
  ].filter(Boolean);
  if (tool === "look" && !notes.length) { place.hidden = true; return; }
  const focused = place.contains(document.activeElement) ? document.activeElement.name : null;
  const work = tool === "redivide" && editor.redivision.card();
  const body = tool === "look" ? [] : work ? work : [
    el("p.quiet", {}, zone ? hint(editor) : texts.edit.pick_zone),
    ...(zone || tool === "give_back" ? toolForm(tool, { state: form, grids: editor.grids, zones: [...planner.zones.values()], zone: zone?.code, on }) : []),
    form.wrong && el("p.refusal", { role: "alert" }, form.wrong),
  ];
  place.replaceChildren(...[
    el("div.card-head", {}, el("h2", {}, tool === "look" ? texts.edit.news : texts.tools[tool]), zone && tool !== "look" && el("code", {}, grouped(zone.code)),
      el("button.plain", { type: "button", onclick: () => { editor.state = { rows: null }; editor.shownEdit = null; on.close(); }, "aria-label": texts.plan.close, title: texts.plan.close }, "×")),
    ...body,
    ...notes,
    state.rows?.length && previewRows(state.rows, (code) => planner.rangeOf(code)),
    state.rows?.length && el("p.quiet.sure", { role: "status" }, busy ? texts.edit.keeping : state.sure ? fill(texts.edit.checked, { n: number(state.moved ?? 0) }) : state.asking ? texts.edit.checking : ""),
    ...(state.notices ?? []).map((one) => el("p.note", {}, one)),
    tool !== "look" && !work && buttons(editor),
  ].filter(Boolean));
  place.hidden = false;
  if (focused) place.querySelector(`[name="${focused}"]`)?.focus({ preventScroll: true });
}

function buttons({ asked, busy, state, on, tool, form }) {
  const word = busy ? texts.edit.keeping : tool === "lock" && asked?.[0] === "unlock" ? texts.actions.unlock : texts.edit.apply;
  return el("p.card-buttons", {},
    el("button.main", { type: "button", disabled: !asked || busy || Boolean(state.refused) || Boolean(state.conflict), onclick: on.apply, "aria-keyshortcuts": "Enter" }, word, " ", el("kbd", {}, "↵")),
    el("button.second", { type: "button", onclick: on.clear, "aria-keyshortcuts": "Escape" }, (form.line || form.area) && !form.dragged ? texts.edit.point_back : texts.edit.clear, " ", el("kbd", {}, "Esc")));
}

function hint({ tool, form }) {
  if (tool === "give") return form.to ? fill(texts.edit.hint_brush, { code: form.to.slice(12) }) : texts.edit.hint_target;
  return texts.hints[tool];
}

function refused(faults, on) {
  return el("div.refusal", { role: "alert" }, el("b", {}, texts.edit.refused), faults.map(({ row, problem, cure, at }) => el("p", {}, fill(texts.edit[row && !(at && PLACE.test(row)) ? "fault_at" : "fault"], { row, problem, cure: cure ?? "" }), " ",
    at && el("button.link", { type: "button", onclick: () => on.place(at) }, texts.edit.show_place))));
}

function conflict({ message, others }, on) {
  return el("div.refusal.conflict", { role: "alert" }, el("b", {}, texts.edit.conflict), others.length ? others.map((one) => el("p", {}, one)) : el("p", {}, message),
    el("p.quiet", {}, texts.edit.nothing_lost), el("button.second", { type: "button", onclick: on.catchUp }, texts.edit.catch_up));
}
