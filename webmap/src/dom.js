// Elements, numbers and codes, as every panel writes them.
export const texts = JSON.parse(document.getElementById("texts").textContent);

const tongue = texts.language;
const whole = new Intl.NumberFormat(tongue, { maximumFractionDigits: 0 });
const share = new Intl.NumberFormat(tongue, { style: "percent", maximumFractionDigits: 0 });
const fine = new Intl.NumberFormat(tongue, { style: "percent", maximumFractionDigits: 1 });
const day = new Intl.DateTimeFormat(tongue, { dateStyle: "medium" });

export const number = (value) => whole.format(value);
export const percent = (value) => share.format(value);
export const finePercent = (value) => fine.format(value);
export const date = (iso) => (iso ? day.format(new Date(iso)) : "");
export const area = (m2) => (m2 >= 1e6 ? `${new Intl.NumberFormat(tongue, { maximumFractionDigits: 2 }).format(m2 / 1e6)} km²` : `${number(m2)} m²`);

// Fills "{name}" in a text of the catalogue.
export const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

// What the catalogue says, else the key itself, readable.
export const words = (section, key) => texts[section][key.replace(/\./g, "_")] ?? key.replace(/[_.]/g, " ");

// What the server says: what has no words in the language of the page is in English.
export const spoken = (name, text) => el(name, { lang: /[\u3400-\u9fff]/.test(text) ? tongue : "en" }, text);

// 310112005001003 -> 310112 005 001 003
export const grouped = (code) =>
  /^(\d{12}|\d{15}|\d{17})$/.test(code) ? code.replace(/^(\d{6})(\d{3})(\d{3})(\d{3})?(\d{2})?$/, "$1 $2 $3 $4 $5").trim() : code;

// el("button.plain", { onclick }, "text"): an element with classes, properties (and attributes with a dash), children.
export function el(name, properties = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const made = document.createElement(tag);
  if (classes.length) made.className = classes.join(" ");
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined) continue;
    if (key.includes("-") || key === "role") made.setAttribute(key, value);
    else made[key] = value;
  }
  made.append(...children.flat().filter((child) => child !== undefined && child !== null && child !== false && child !== ""));
  return made;
}

export function svg(name, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// Signs of the states: each has its own shape as well as its colour.
const SIGNS = {
  hard: ["M8 1l7 7-7 7-7-7z"],
  finding: ["M8 2l7 12H1z"],
  ready: ["M2 8.5l4 4 8-9"],
  out: ["M8 2l7 12H1z"],
  none: ["M8 2a6 6 0 1 0 .01 0z"],
};
export const sign = (state) =>
  svg("svg", { class: `sign sign-${state}`, viewBox: "0 0 16 16", width: 13, height: 13, "aria-hidden": "true" }, ...SIGNS[state].map((d) => svg("path", { d })));

export function facts(rows) {
  const shown = rows.filter(([, value]) => value !== undefined && value !== null && value !== "");
  return el("dl.facts", {}, shown.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
}
