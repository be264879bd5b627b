// The ranked list, the grid that is picked, and how sure all that is.
import { el, facts, fill, grouped, number, percent, sign, svg, texts } from "./dom.js";

const T = texts.heat;
const fine = new Intl.NumberFormat(texts.language, { maximumFractionDigits: 1 });
const change = (ratio) => (ratio === undefined ? "" : new Intl.NumberFormat(texts.language, { style: "percent", maximumFractionDigits: 0, signDisplay: "exceptZero" }).format(ratio - 1));
const SORTS = { cases: (row) => row.cases, rate: (row) => row.rate ?? -1, z: (row) => row.z ?? -99 };
const CHANGED = { more: "compared_more", fewer: "compared_fewer", "no difference": "compared_same", "not enough data": "compared_unsure" };
const MOST_ITEMS = 8;
const put = (body, ...children) => body.replaceChildren(...children.filter(Boolean));

export function ranked(answer, sort) {
  const key = SORTS[sort] ?? SORTS.cases;
  const rows = Object.entries(answer.grids).map(([code, row]) => ({ code, ...row }));
  return rows.sort((a, b) => key(b) - key(a) || (a.code < b.code ? -1 : 1));
}

// A grid leader's post in a grid is told by the rest of its code.
export const leadOf = (lead, code) => (lead?.startsWith(code) ? fill(T.leader_post, { post: lead.slice(code.length) }) : lead);

export function list(body, { answer, compared, choices, state, on }) {
  const rows = ranked(answer, state.sort), key = SORTS[state.sort] ?? SORTS.cases;
  const most = Math.max(1, ...rows.map(key));
  const bar = (row) => { const made = el("i.amount", { "aria-hidden": "true" }); made.style.width = `${(100 * Math.max(0, key(row))) / most}%`; return made; };
  const row = (one, k) => el("li", {}, el("button.rank", { type: "button", "aria-current": String(one.code === state.grid), onclick: () => on.pick(one.code), "data-code": one.code },
    el("span.rank-number", {}, number(k + 1)), el("span.rank-name", {}, one.name || grouped(one.code)),
    el("b.rank-cases", {}, number(one.cases)), bar(one),
    el("small", {}, [one.rate !== undefined && `${fine.format(one.rate)} ${answer.rate_unit}`, one.verdict === "hot" || one.verdict === "cold" ? choices.words.verdicts[one.verdict] : "", one.trend === "rising" ? `↗ ${T.rising}` : one.trend === "falling" ? `↘ ${T.falling}` : "", compared?.grids[one.code] && change(compared.grids[one.code].ratio), leadOf(one.lead, one.code) ?? T.no_lead].filter(Boolean).join(" · "))));
  const pick = el("select", { id: "sort", onchange: ({ target }) => on.sort(target.value) }, ["cases", "rate", "z"].map((name) => el("option", { value: name, selected: (state.sort ?? "cases") === name }, T[`sort_${name}`])));
  put(body,
    el("p.total", {}, el("b", {}, number(answer.cases)), " ", T.cases, compared && el("span", {}, ` ${total(compared)}`)),
    el("label.sort", {}, T.sort, pick),
    answer.cases ? el("ol.ranks", {}, rows.map(row)) : el("p.empty", {}, T.no_cases),
    sure(answer),
  );
}

function total(compared) {
  const [was, now] = compared.cases, days = ({ from, to }) => (Date.parse(to) - Date.parse(from)) / 86_400_000 + 1;
  return change(was ? now / days(compared.later) / (was / days(compared.earlier)) : undefined);
}

// A list of other days than those that are shown: named, and dimmed below its name; the total alone goes on.
export function stale(body, { cases, from, to, now }) {
  const total = body.querySelector(".total"), note = body.querySelector(".of-before") ?? el("p.of-before");
  if (now) return note.remove();
  total?.replaceChildren(el("b", {}, number(cases)), " ", T.cases);
  note.textContent = fill(T.of_before, { from, to });
  if (!note.isConnected) (total ? total.after(note) : body.prepend(note));
  return undefined;
}

export function sure(answer) {
  const { question, called, false_share, permutations, aside } = answer;
  const said = aside.map((one) => (T[one.reason] ? fill(T[one.reason], { n: number(one.cases) }) : fill(T.pile, { words: one.words, n: number(one.cases) }))).join(texts.page.comma);
  return el("section.sure", {}, el("h2.small", {}, T.sure),
    el("p", {}, fill(T.counted, { n: number(answer.cases), from: question.from, to: question.to })),
    el("p", {}, fill(called ? T.called : T.none_called, { n: number(called), share: percent(false_share), permutations: number(permutations) })),
    el("p", {}, aside.length ? fill(T.aside, { said }) : T.aside_none),
    answer.notes.map((note) => el("p.quiet", {}, note)));
}

function spark(days) {
  const most = Math.max(1, ...days), path = days.map((n, k) => (n ? `M${k} 40v${(-40 * n) / most}h1V40z` : "")).join("");
  return svg("svg", { viewBox: `0 0 ${days.length} 40`, preserveAspectRatio: "none", class: "spark", role: "img", "aria-label": `${T.by_day}: ${number(Math.max(...days))}` }, svg("path", { d: path }));
}

export function detail(body, { code, row, told, compared, answer, choices, on }) {
  const other = compared?.grids[code], rest = told ? told.items.length - MOST_ITEMS : 0;
  const share = (n) => { const made = el("i.amount"); made.style.width = `${(100 * n) / Math.max(1, told.items[0].cases)}%`; return made; };
  put(body,
    el("button.link.back", { type: "button", onclick: on.close, "aria-keyshortcuts": "Escape" }, `← ${T.back}`),
    el("h2", {}, row.name || grouped(code)), el("p.sub", {}, el("code", {}, grouped(code))),
    el("div.figure", {}, el("b", {}, number(row.cases)), el("span", {}, T.cases), el(`span.verdict.verdict-${row.verdict}`, {}, choices.words.verdicts[row.verdict])),
    other && el("p.note", {}, `${fill(T.compared, { now: number(other.later), was: number(other.earlier), change: change(other.ratio) || "–" })} ${T[CHANGED[other.verdict]]}`),
    facts([
      [T.rate, row.rate !== undefined && `${fine.format(row.rate)} ${answer.rate_unit}`],
      [T.expected, row.expected !== undefined && `${fine.format(row.expected)} ${T.cases}`],
      [T.households, row.households !== undefined && number(row.households)],
      ["z · q", row.z !== undefined && `${fine.format(row.z)} · ${new Intl.NumberFormat(texts.language, { maximumFractionDigits: 3 }).format(row.q)}`],
      [T.trend, `${T[row.trend] ?? T.not_enough_data}${row.pattern && !["no_pattern", "not_enough_data"].includes(row.pattern) ? ` · ${choices.words.patterns[row.pattern] ?? row.pattern}` : ""}`],
      [fill(T.slope, { by: T[answer.periods.by] }), row.slope !== undefined && row.trend !== "none" && `${fine.format(row.slope)} ${T.cases}`],
      [T.lead, leadOf(row.lead, code) ?? T.no_lead],
    ].filter(([, value]) => value)),
    row.carried_by && el("p.quiet.note", {}, `${T.carried_by}: `, row.carried_by.split(/, ?/).map((one) => el("button.link.carrier", { type: "button", onclick: () => on.pick(one) }, answer.grids[one]?.name ?? grouped(one)))),
    ...(told ? [
      el("h3", {}, T.by_day), spark(told.days),
      el("h3", {}, T.items, el("b", {}, number(told.items.length))),
      el("ol.bars-list", {}, told.items.slice(0, MOST_ITEMS).map((one) => el("li", {}, el("button.link", { type: "button", onclick: () => on.item(one.code) }, [one.code, one.name].filter(Boolean).join(" ")), el("b", {}, number(one.cases)), share(one.cases)))),
      rest > 0 && el("p.quiet", {}, fill(T.more, { n: number(rest) })),
      el("h3", {}, T.sources), el("ul.bars-list", {}, told.sources.map((one) => el("li", {}, el("span", {}, one.source || "–"), el("b", {}, number(one.cases))))),
      told.parties.length > 0 && el("h3", {}, T.parties), el("ul", {}, told.parties.map((one) => el("li", {}, leadOf(one, code)))),
    ].filter(Boolean) : [el("div.skeleton", { "aria-hidden": "true" }, el("i"), el("i"))]),
  );
}

export const failed = (body, message) => body.replaceChildren(el("div.empty", {}, sign("hard"), el("h2", {}, T.failed), el("p", {}, message)));
