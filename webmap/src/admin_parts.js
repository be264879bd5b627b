// What the panels of the administration share: times, tables, forms that say why they were refused.
import { el, texts } from "./dom.js";

const clock = new Intl.DateTimeFormat(texts.language, { dateStyle: "medium", timeStyle: "medium" });
export const moment = (iso) => (iso ? clock.format(new Date(iso)) : "");

// A table whose cells carry the name of their column: on a small screen each row is a card.
export function table(label, columns, rows, empty) {
  if (!rows.length) return el("p.empty", {}, empty);
  const cell = (value, k) => el("td", { "data-name": columns[k] }, el("span", {}, value ?? ""));
  return el("div.table", { tabIndex: 0, role: "region", "aria-label": label }, el("table", {},
    el("thead", {}, el("tr", {}, columns.map((name) => el("th", { scope: "col" }, name)))),
    el("tbody", {}, rows.map((row) => el("tr", {}, row.map(cell))))));
}

export const field = (label, properties, hint) => el("label", {}, label, el("input", { autocomplete: "off", ...properties }), hint && el("small", {}, hint));
export const choice = (label, name, options) => el("label", {}, label, el("select", { name }, options.map(([value, text]) => el("option", { value }, text))));

// `send` takes what is filled in; what it gives takes the place of what was said before.
export function form(name, label, fields, send, { main = true } = {}) {
  const said = el("div.said", { role: "status" });
  const button = el(main ? "button.main" : "button.second", {}, label);
  const onsubmit = async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      said.replaceChildren(...[await send(Object.fromEntries(new FormData(event.target)), event.target)].flat().filter(Boolean));
    } catch (refused) {
      said.replaceChildren(el("p.refusal", { role: "alert" }, refused.message));
    } finally {
      button.disabled = false;
    }
  };
  return el(`form.line.line-${name}`, { onsubmit }, el("div.fields", {}, ...fields, button), said);
}

// What is told once: it can be copied, and stays until the page is left.
export const once = (text, secret) => el("p.once", {}, text, el("code", {}, secret));

// A time of the clock on the wall, with the offset of this place.
export const timed = (local) => (local ? new Date(local).toISOString().replace("Z", "+00:00") : "");

export const query = (values) => new URLSearchParams(Object.entries(values).filter(([, value]) => value !== "" && value !== null && value !== undefined)).toString();
