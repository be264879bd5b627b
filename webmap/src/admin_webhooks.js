// Who is told of approvals and cases: addresses, and what became of the messages to them.
import { ask, change, told } from "./api.js";
import { field, form, moment, once, table } from "./admin_parts.js";
import { el, fill, number, texts } from "./dom.js";

const options = JSON.parse(document.getElementById("options").textContent);
const W = texts.admin_webhooks;

export async function webhooksPanel() {
  const out = el("div");
  const load = async () => {
    const { webhooks, deliveries } = await ask("/api/admin/webhooks");
    out.replaceChildren(el("h3", {}, W.addresses), addresses(webhooks, load), el("h3", {}, W.messages), messages(deliveries));
  };
  await load();
  const add = form("webhook", W.add, [
    field(W.url, { name: "url", type: "url", required: true, maxLength: 500, placeholder: options.hosts.length ? `https://${options.hosts[0]}/` : "https://" }),
    field(texts.admin_users.area, { name: "area", value: told.person.area, pattern: "[0-9]{0,12}", inputMode: "numeric", maxLength: 12 }),
  ], async (values, own) => {
    const { secret } = await change("/api/admin/webhooks", values);
    own.reset();
    await load();
    return once(W.secret_once, secret);
  });
  const hosts = options.hosts.length ? fill(W.hosts, { hosts: options.hosts.join(texts.page.comma) }) : W.no_hosts;
  return [el("section.card", {}, el("h2", {}, W.title), el("p.quiet", {}, W.why), el("p.quiet", {}, hosts), options.hosts.length ? add : "", out)];
}

function addresses(all, load) {
  const rows = all.map((one) => [
    one.url, one.area ? el("code", {}, one.area) : texts.account.everywhere, one.actor, moment(one.created_at),
    one.ended_at ? el("span.state.state-ended", {}, fill(texts.admin_users.ended, { date: moment(one.ended_at) }))
      : form("end-webhook", W.end, [], async () => { await change(`/api/admin/webhooks/${one.id}/end`); await load(); }, { main: false }),
  ]);
  return table(W.addresses, [W.url, texts.admin_users.area, W.by, W.since, W.state], rows, W.no_addresses);
}

function messages(all) {
  const state = (one) => el(`span.state.state-${one.state}`, {}, W[`state_${one.state}`]);
  const rows = all.map((one) => [
    String(one.id), moment(one.created_at), one.url, state(one), number(one.tries), [one.said, one.next_at && one.tries ? fill(W.next, { date: moment(one.next_at) }) : ""].filter(Boolean).join(" · "),
  ]);
  return table(W.messages, [texts.admin_events.number, texts.admin_events.at, W.url, W.state, W.tries, W.said], rows, W.no_messages);
}
