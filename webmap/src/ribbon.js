// The ribbon of edits below the map: what was done, by whom; each one click to look at, and to go back to.
import { el, fill, grouped, texts } from "./dom.js";

const clock = new Intl.DateTimeFormat(texts.language, { hour: "2-digit", minute: "2-digit" });
const long = new Intl.DateTimeFormat(texts.language, { dateStyle: "medium", timeStyle: "short" });

export const done = ({ action, asked }) => texts.actions[action === "redivide_micro" ? "redivide" : action] ?? action;
export const shortCodes = (codes) => codes.slice(0, 3).map((code) => code.slice(12)).join(texts.page.comma) + (codes.length > 3 ? ` +${codes.length - 3}` : "");

export function told(edit) {
  return fill(texts.edit.told, { what: done(edit), codes: shortCodes(edit.codes), who: edit.mine ? texts.edit.you : edit.actor, at: long.format(new Date(edit.at)), n: edit.number });
}

// work: what goes on in the background, where something does
export function ribbon(place, { edits, picked, work, on }) {
  const shown = edits.filter(({ action }) => action !== "undo" && action !== "redo");
  const chip = (edit) => el("li", {}, el(
    `button.ribbon-edit${edit.in_effect ? "" : ".taken-back"}${edit.mine ? "" : ".others"}`,
    { type: "button", onclick: () => on.edit(edit), "aria-pressed": String(picked === edit.number), title: told(edit) },
    el("b", {}, `${edit.number} `, done(edit)), el("code", {}, shortCodes(edit.codes)),
    el("small", {}, edit.mine ? "" : `${edit.actor} `, clock.format(new Date(edit.at)), edit.in_effect ? "" : ` · ${texts.edit.taken_back}`),
  ));
  const list = el("ol", {}, shown.map(chip));
  place.replaceChildren(el(shown.length ? "span.ribbon-state" : "span.ribbon-state.none", {}, shown.length ? texts.edit.kept : texts.edit.no_edits), list, ...(work ? [work] : []));
  place.hidden = false;
  list.scrollLeft = list.scrollWidth;
}

export function editDetail(edit, { steps, on }) {
  return el("div.edit-told", {},
    el("h3", {}, `${edit.number} · ${done(edit)}`),
    el("p", {}, told(edit)),
    el("p", {}, edit.codes.map((code) => el("button.link", { type: "button", onclick: () => on.grid(code, { go: true }) }, el("code", {}, grouped(code)), " "))),
    steps > 0 && el("button.second", { type: "button", onclick: () => on.backTo(edit) }, steps === 1 ? texts.edit.take_this_back : fill(texts.edit.go_back, { n: steps })),
  );
}
