// The tools of the planner: what each asks for, in a form that the map fills in, and what a key begins it.
import { el, fill, texts } from "./dom.js";
import { readPoints, writePoints } from "./drawing.js";

// Each tool: its key, the fields of its form, and the edit that it asks for; null while the form is not complete.
export const TOOLS = {
  look: { key: "v", fields: [] },
  give: { key: "a", fields: ["to", "from", "atoms"], ask: ({ to, atoms }) => to && atoms.length && ["give", { atoms, to }] },
  split: { key: "s", fields: ["code", "line"], draws: "line", ask: ({ code, line }) => code && line && ["split", { code, line }] },
  border: { key: "e", fields: ["one", "other", "line"], draws: "line", ask: ({ one, other, line }) => one && other && one !== other && line && ["move_border", { one, other, line }] },
  merge: { key: "m", fields: ["codes"], ask: ({ codes }) => codes.length > 1 && ["merge", { codes }] },
  lock: { key: "x", fields: ["one", "beside"], ask: ({ one, beside, locked }) => one && [locked ? "unlock" : "lock", beside ? { borders: [[one, beside]] } : { codes: [one] }] },
  rename: { key: "n", fields: ["one", "name"], ask: ({ one, name }) => one && ["rename", { codes: [one], ...(name ? { name } : {}) }] },
  redivide: { key: "r", fields: ["scope", "micro"], slow: true, ask: ({ scope, micro }) => scope && ["redivide", { codes: [scope], microgrids: micro }] },
  split_atom: { key: "t", fields: ["atom", "line"], draws: "line", ask: ({ atom, line }) => atom && line && ["split_atom", { atom, line }] },
  carve: { key: "c", fields: ["area", "kind", "name"], draws: "area", ask: ({ area, kind, name }) => area && name && ["carve", { area, kind, name }] },
  give_back: { key: "w", fields: ["zone"], ask: ({ zone }) => zone && ["give_back", { zone_code: zone }] },
};
const FIRST = ["look", "give", "split", "border", "merge", "lock", "redivide"];

const ICONS = {
  look: "M3 2l10 5-4 1.5L7 13z",
  give: "M11 2l3 3-7 7-4 1 1-4z",
  split: "M2 14L14 2M3 4h4M9 12h4",
  border: "M8 1v4l-3 3 3 3v4M2 8h2M12 8h2",
  merge: "M2 3h5v10H2M14 3H9v10h5M5 8h6",
  lock: "M4 7V5a4 4 0 0 1 8 0v2M3 7h10v7H3z",
  redivide: "M13 5a6 6 0 1 0 1 5M14 2v4h-4",
  undo: "M6 3L2 7l4 4M2 7h7a5 5 0 0 1 0 7H7",
  redo: "M10 3l4 4-4 4M14 7H7a5 5 0 0 0 0 7h2",
};
const icon = (name) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 16 16", width: 15, height: 15, "aria-hidden": "true", class: "tool-icon" })) made.setAttribute(key, value);
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  made.append(path);
  return made;
};

export function toolRow(place, { on }) {
  const button = (name) => el("button.tool", { type: "button", onclick: () => on.tool(name), "aria-keyshortcuts": TOOLS[name].key, title: `${texts.tools[name]} (${TOOLS[name].key})`, "data-tool": name }, icon(name), el("span", {}, texts.tools[name]));
  const more = el("select.tool-more", { "aria-label": texts.edit.more, onchange: () => { if (more.value) on.tool(more.value); } },
    el("option", { value: "" }, texts.edit.more), Object.keys(TOOLS).filter((name) => !FIRST.includes(name)).map((name) => el("option", { value: name }, `${texts.tools[name]} (${TOOLS[name].key})`)));
  const turn = (way, keys) => el("button.tool", { type: "button", onclick: () => on.turn(way), "aria-keyshortcuts": keys, title: `${texts.edit[way]} (${keys})`, "data-turn": way }, icon(way), el("span", {}, texts.edit[way]));
  place.replaceChildren(...FIRST.map(button), more, el("i.tool-gap"), turn("undo", "Control+Z"), turn("redo", "Control+Shift+Z"));
  place.hidden = false;
  return {
    mark(tool, { mayUndo, mayRedo }) {
      for (const one of place.querySelectorAll("[data-tool]")) one.setAttribute("aria-pressed", String(one.dataset.tool === tool));
      more.value = FIRST.includes(tool) ? "" : tool;
      more.classList.toggle("on", !FIRST.includes(tool));
      place.querySelector('[data-turn="undo"]').disabled = !mayUndo;
      place.querySelector('[data-turn="redo"]').disabled = !mayRedo;
    },
  };
}

// The form of a tool. `state` is what is filled in by now; `on.fill(change)` hears what is typed.
export function toolForm(name, { state, grids, zones, zone, on }) {
  const set = (change) => on.fill(change);
  const field = (word, input) => el("label.field", {}, el("span", {}, texts.fields_of_edits[word] ?? texts.edit[word]), input);
  const gridSelect = (key, { none, only } = {}) => {
    const input = el("select", { name: key, onchange: () => set({ [key]: input.value || undefined }) },
      el("option", { value: "" }, none ?? texts.edit.choose),
      grids.filter(({ code }) => !only || only(code)).map(({ code, name: named, households }) => el("option", { value: code }, [code.slice(12), named, households === undefined ? "" : fill(texts.edit.n_households, { n: households })].filter(Boolean).join(" · "))));
    input.value = state[key] ?? "";
    return input;
  };
  const lineInput = (key) => {
    const input = el("textarea", { name: key, rows: 2, spellcheck: false, placeholder: "114.3012 30.5833, 114.3047 30.5841", value: state[key] ? writePoints(state[key]) : "", onchange: () => set({ [key]: readPoints(input.value) ?? undefined, wrong: input.value.trim() && !readPoints(input.value) ? texts.edit.no_line : undefined }) });
    return input;
  };
  const text = (key) => { const input = el("input", { name: key, value: state[key] ?? "", maxLength: 200, onchange: () => set({ [key]: input.value.trim() }) }); return input; };
  const inputs = {
    to: () => field("to", gridSelect("to")),
    from: () => field("from", gridSelect("from", { none: texts.edit.any_neighbour, only: (code) => code !== state.to })),
    code: () => field("code", gridSelect("code")),
    one: () => field("one", gridSelect("one")),
    other: () => field("other", gridSelect("other", { only: (code) => code !== state.one })),
    beside: () => field("beside", gridSelect("beside", { none: texts.edit.whole_grid, only: (code) => code !== state.one })),
    atoms: () => { const input = el("textarea", { name: "atoms", rows: 2, spellcheck: false, value: state.atoms.join(" "), placeholder: texts.edit.atoms_hint, onchange: () => set({ atoms: input.value.split(/[\s,;]+/).filter(Boolean) }) }); return field("atoms", input); },
    atom: () => field("atom", text("atom")),
    line: () => field("line", lineInput("line")),
    area: () => field("area", lineInput("area")),
    name: () => field("name", text("name")),
    codes: () => el("fieldset.field.checks", {}, el("legend", {}, texts.fields_of_edits.codes), grids.map(({ code, name: named }) => {
      const input = el("input", { type: "checkbox", value: code, checked: state.codes.includes(code), onchange: () => set({ codes: input.checked ? [...state.codes, code] : state.codes.filter((one) => one !== code) }) });
      return el("label", {}, input, el("code", {}, code.slice(12)), " ", named ?? "");
    })),
    scope: () => { const input = el("select", { name: "scope", onchange: () => set({ scope: input.value }) }, el("option", { value: zone ?? "" }, texts.edit.whole_zone), grids.map(({ code, name: named }) => el("option", { value: code }, `${code.slice(12)} · ${named ?? ""}`))); input.value = state.scope ?? zone ?? ""; return field("scope", input); },
    micro: () => { const input = el("input", { type: "checkbox", checked: state.micro, onchange: () => set({ micro: input.checked }) }); return el("label.check", {}, input, texts.edit.only_micro); },
    kind: () => { const input = el("select", { name: "kind", onchange: () => set({ kind: input.value }) }, ["dedicated", "street"].map((kind) => el("option", { value: kind }, texts.kinds[kind]))); input.value = state.kind; return field("kind", input); },
    zone: () => { const input = el("select", { name: "zone", onchange: () => set({ zone: input.value || undefined }) }, el("option", { value: "" }, texts.edit.choose), zones.filter(({ kind }) => kind === "dedicated" || kind === "street").map(({ code, name: named }) => el("option", { value: code }, named || code))); input.value = state.zone ?? ""; return field("zone", input); },
  };
  return TOOLS[name].fields.map((key) => inputs[key]());
}
