// The page of an administrator: who may act, what was done, who saw whose data, whether it can be believed, who is told.
import * as address from "./address.js";
import { told } from "./api.js";
import { auditPanel } from "./admin_audit.js";
import { eventsPanel, readingsPanel } from "./admin_events.js";
import { usersPanel } from "./admin_users.js";
import { webhooksPanel } from "./admin_webhooks.js";
import { el, texts } from "./dom.js";

const PANELS = { users: usersPanel, events: eventsPanel, readings: readingsPanel, audit: auditPanel, webhooks: webhooksPanel };
const place = (id) => document.getElementById(id);

async function show(name) {
  const open = PANELS[name] ? name : "users";
  address.write({ show: open });
  place("tabs").replaceChildren(...Object.keys(PANELS).map((one) =>
    el("a", { href: `#show=${one}`, ...(one === open ? { "aria-current": "page" } : {}) }, texts.admin_tabs[one])));
  place("status").textContent = texts.admin.loading;
  try {
    place("panel").replaceChildren(...(await PANELS[open]()));
    place("status").textContent = "";
  } catch (refused) {
    place("panel").replaceChildren(el("p.refusal", { role: "alert" }, refused.message));
    place("status").textContent = "";
  }
  place("work").scrollTop = 0;
  document.querySelector("#tabs [aria-current]").scrollIntoView({ inline: "nearest", block: "nearest" });
  document.body.dataset.shown = open;
}

addEventListener("hashchange", () => show(address.read().show));
document.title = `${texts.pages.admin} · ${told.person.area || texts.account.everywhere}`;
show(address.read().show);
