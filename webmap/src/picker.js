// Which version is looked at: a list in the bar; drafts open to be edited, and a new one can be begun.
import { ask, change, told } from "./api.js";
import { date, el, fill, texts } from "./dom.js";

const wanted = () => new URLSearchParams(location.search).get("version");

export async function readVersions() {
  if (!told.person) return { versions: [], may_draft: false };
  return ask("/api/drafts");
}

// The version that the address names, else what is in force, as the server takes it.
export const shownOf = ({ versions }) => versions.find(({ id }) => String(id) === wanted()) ?? (wanted() ? undefined : versions.find((one) => one.in_force) ?? versions[0]);

export function go(version) {
  const query = new URLSearchParams(location.search);
  query.set("version", version);
  location.assign(`${location.pathname}?${query}${location.hash}`);
}

export const nameOf = (one) => fill(one.in_force ? texts.versions.in_force : texts.versions[one.state] ?? one.state, { n: one.number, who: one.author, date: date(one.in_force ? one.effective_from : one.created_at) });

// The address of two plans side by side: what is in force, and what is shown.
export function comparing(stands, shown) {
  const picked = [["one", stands?.id], ["other", shown?.id === stands?.id ? undefined : shown?.id]].filter(([, id]) => id).map((pair) => pair.join("="));
  return `${told.root}/compare?lang=${texts.language}#${picked.join("&")}`;
}

export function picker(bar, { versions, may_draft }, shown) {
  if (!versions.length) return;
  const list = el("select", { id: "version", "aria-label": texts.versions.pick, onchange: () => go(list.value) }, versions.map((one) => el("option", { value: one.id }, nameOf(one))));
  list.value = shown?.id ?? "";
  const stands = versions.find((one) => one.in_force);
  const begin = el("button.second.begin", { type: "button", title: texts.versions.begin_hint, onclick: async () => {
    begin.disabled = true;
    begin.textContent = texts.versions.beginning;
    go((await change("/api/drafts", { of: stands.id })).id);
  } }, texts.versions.begin);
  const compare = versions.length > 1 && el("a.second.compare", { href: comparing(stands, shown), title: `${texts.versions.compare_hint} (d)`, "aria-keyshortcuts": "d" }, texts.versions.compare);
  bar.replaceChildren(list, ...(compare ? [compare] : []), ...(may_draft && stands ? [begin] : []));
}
