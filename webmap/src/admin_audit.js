// Whether the store can be believed: judged in the background, shown with every fault.
import { ask, change } from "./api.js";
import { form, moment } from "./admin_parts.js";
import { el, fill, number, texts } from "./dom.js";

const A = texts.admin_audit;
const WAITS_MS = 700;

export async function auditPanel() {
  const out = el("div", { role: "status" });
  const { tasks } = await ask("/api/tasks");
  const last = tasks.find(({ kind }) => kind === "audit");
  if (last) follow(last.id, out);
  const begin = form("audit", A.begin, [], async () => {
    const { task } = await change("/api/admin/audit");
    await follow(task, out);
  });
  return [el("section.card", {}, el("h2", {}, A.title), el("p.quiet", {}, A.why), begin, out)];
}

async function follow(task, out) {
  const one = await ask(`/api/tasks/${task}`);
  if (["waiting", "running"].includes(one.state)) {
    out.replaceChildren(el("p.quiet", {}, A.working));
    setTimeout(() => follow(task, out), WAITS_MS);
  } else out.replaceChildren(...(one.state === "done" ? verdict(one) : [el("p.refusal", {}, one.said || A.stopped)]));
}

function verdict({ result, ended_at }) {
  const { events, faults, faults_in_all: all } = result;
  const when = el("p.quiet", {}, fill(A.judged, { date: moment(ended_at), n: number(events) }));
  if (!all) return [el("p.verdict-good", {}, A.good), when, el("p.quiet", {}, A.limits)];
  return [el("p.refusal", { role: "alert" }, fill(A.bad, { n: number(all) })), when, el("ol.faults", {}, faults.map((one) => el("li", {}, one)))];
}
