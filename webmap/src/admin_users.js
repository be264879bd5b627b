// Who may act in this area: added, given a new password, bound to a provider, ended.
import { ask, change, told } from "./api.js";
import { choice, field, form, moment, once, table } from "./admin_parts.js";
import { date, el, fill, number, texts } from "./dom.js";

const options = JSON.parse(document.getElementById("options").textContent);
const U = texts.admin_users;

export async function usersPanel() {
  const list = el("div"), find = el("input.find", { type: "search", placeholder: U.find, "aria-label": U.find });
  let users = [];
  const draw = () => list.replaceChildren(shown(users, find.value, load));
  const load = async () => { ({ users } = await ask("/api/admin/users")); draw(); };
  find.addEventListener("input", draw);
  await load();
  return [
    el("section.card", {}, el("h2", {}, U.add), addForm(load)),
    el("section.card", {}, el("h2", {}, U.title), find, list),
  ];
}

function addForm(load) {
  return form("add", U.add_button, [
    field(U.name, { name: "name", required: true, maxLength: 100 }),
    choice(U.role, "role", options.roles.map((role) => [role, texts.roles[role]])),
    field(U.area, { name: "area", value: told.person.area, pattern: "[0-9]{0,12}", inputMode: "numeric", maxLength: 12 }, U.area_hint),
  ], async (values, own) => {
    const { user, password } = await change("/api/admin/users", values);
    own.reset();
    await load();
    return once(fill(U.password_once, { name: user.name }), password);
  });
}

function shown(users, sought, load) {
  const word = sought.trim().toLowerCase();
  const found = users.filter((one) => `${one.name} ${texts.roles[one.role]} ${one.area}`.toLowerCase().includes(word));
  const now = new Date().toISOString();
  const rows = found.map((one) => [
    el("b", {}, one.name), texts.roles[one.role], one.area ? el("code", {}, one.area) : texts.account.everywhere,
    signsIn(one), one.seen_at ? moment(one.seen_at) : "", state(one, now), one.ended_at ? "" : actions(one, load),
  ]);
  return el("div", {}, el("p.quiet", {}, fill(U.count, { n: number(found.length) })),
    table(U.title, [U.name, U.role, U.area, U.signs_in, U.seen, U.state, U.actions], rows, U.nobody));
}

const signsIn = (one) => [U[`by_${one.signs_in || "nothing"}`], one.second_factor_since && U.with_factor].filter(Boolean).join(" + ");

function state(one, now) {
  if (one.ended_at) return el("span.state.state-ended", {}, fill(U.ended, { date: date(one.ended_at) }));
  if (one.locked_until > now) return el("span.state.state-locked", {}, fill(U.locked, { date: moment(one.locked_until) }));
  if (one.given_password) return el("span.state.state-new", {}, U.given);
  return el("span.state.state-acts", {}, U.acts);
}

// What can be done with somebody: each takes two steps, the second in words.
function actions(one, load) {
  const all = [
    ["password", U.new_password, fill(U.sure_password, { name: one.name }), async () => {
      const { password } = await change("/api/admin/users/password", { name: one.name });
      return once(fill(U.password_once, { name: one.name }), password);
    }],
    one.second_factor_since && ["factor", U.drop_factor, fill(U.sure_factor, { name: one.name }), async () => { await change("/api/admin/users/second-factor/end", { name: one.name }); await load(); }],
    ["end", U.end, fill(U.sure_end, { name: one.name }), async () => { await change("/api/admin/users/end", { name: one.name }); await load(); }],
  ].filter(Boolean).map(([name, label, sure, send]) => form(name, label, [el("p", {}, sure)], send));
  if (options.provider) all.push(form("bind", U.bind, [field(U.subject, { name: "subject", required: true, maxLength: 255 })], async ({ subject }) => { await change("/api/admin/users/subject", { name: one.name, subject }); await load(); }));
  return el("details.more", {}, el("summary", { "aria-label": `${U.actions}: ${one.name}` }, U.actions), ...all);
}
