// What was done in this area, and who saw whose private data: looked for by kind, time, person and subject.
import { ask, told } from "./api.js";
import { choice, field, form, moment, query, table, timed } from "./admin_parts.js";
import { el, fill, texts } from "./dom.js";

const E = texts.admin_events;
const kindText = (kind) => E[`kind_${kind.replace(/\./g, "_")}`] ?? kind;
const body = (text) => el("details.more", {}, el("summary", {}, E.details), el("pre", {}, readable(text)));

function readable(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 1);
  } catch {
    return text;
  }
}

const between = () => [field(E.since, { name: "since", type: "datetime-local" }), field(E.until, { name: "until", type: "datetime-local" })];
const dated = (values) => ({ ...values, since: timed(values.since), until: timed(values.until) });

// A list that goes on: the page after is put below.
function paged(path, key, columns, row, empty) {
  const rows = [], out = el("div");
  const more = async (sought, before) => {
    const found = await ask(`${path}?${query({ ...sought, before })}`);
    if (!before) rows.length = 0;
    rows.push(...found[key].map(row));
    out.replaceChildren(table(E.title, columns, rows, empty));
    if (found.next) out.append(el("button.second.earlier", { type: "button", onclick: () => more(sought, found.next) }, E.more));
  };
  return [out, more];
}

export async function eventsPanel() {
  const { kinds } = await ask("/api/admin/kinds");
  const groups = [...new Set(kinds.map((kind) => `${kind.split(".")[0]}.`))];
  const options = [["", E.any], ...groups.map((one) => [one, `${E[`group_${one.slice(0, -1)}`] ?? one}`]), ...kinds.map((one) => [one, `– ${kindText(one)}`])];
  const [out, more] = paged("/api/admin/events", "events", [E.number, E.at, E.who, E.kind, E.subject, E.details], (one) => [
    String(one.seq), moment(one.at), one.actor, kindText(one.kind), one.subject, body(one.body),
  ], E.none);
  await more({});
  const sought = form("events", E.find, [choice(E.kind, "kind", options.sort(inOrder)), field(E.subject, { name: "subject" }), field(E.who, { name: "actor" }), ...between()], (values) => more(dated(values)));
  return [el("section.card", {}, el("h2", {}, E.title), sought, out)];
}

const inOrder = ([one], [other]) => (one < other ? -1 : 1);

export async function readingsPanel() {
  const R = texts.admin_readings;
  const [out, more] = paged("/api/admin/readings", "readings", [E.at, R.who, R.role, R.whose, R.what], (one) => [
    moment(one.at), el("b", {}, one.actor), texts.roles[one.role] ?? "", whose(one), fields(one.body),
  ], R.none);
  const all = el("a.link", { href: `${told.root}/api/admin/readings/table`, download: "who-saw.csv" }, R.download);
  const find = async (values) => {
    const sought = dated(values);
    all.href = `${told.root}/api/admin/readings/table?${query(sought)}`;
    await more(sought);
  };
  await more({});
  const sought = form("readings", E.find, [field(R.whose, { name: "subject" }, R.whose_hint), field(R.who, { name: "actor" }), ...between()], find);
  return [el("section.card", {}, el("h2", {}, R.title), el("p.quiet", {}, R.why), sought, el("p", {}, all), out)];
}

const whose = ({ kind, subject }) => fill(texts.admin_readings[`of_${kind.split(".")[0]}`] ?? "{n}", { n: subject });

function fields(text) {
  try {
    return (JSON.parse(text).fields ?? []).join(texts.page.comma);
  } catch {
    return "";
  }
}
