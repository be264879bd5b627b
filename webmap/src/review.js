// The review page: the queue, the picked version with what it changes, and the decision on it.
import * as address from "./address.js";
import { ask, change, told, upload } from "./api.js";
import { around } from "./boxes.js";
import { changeRow, markRow, nextRow } from "./change_row.js";
import { el, fill, grouped, number, texts, words } from "./dom.js";
import { listenKeys } from "./keys.js";
import { fold } from "./panel.js";
import { openMaps } from "./review_map.js";
import { follow } from "./tasks.js";
import { readTyped } from "./typed.js";

const place = (id) => document.getElementById(id);
const say = (text) => (place("status").textContent = text);
const T = texts.review;
const KEYS = [["j k", "next_version"], ["[ ]", "next_change"], ["c", "comment"], ["b", "list"], ["?", "help"]];

// Days are those of the city, wherever somebody reads them.
const day = new Intl.DateTimeFormat(texts.language, { dateStyle: "medium", timeZone: told.timezone });
const date = (iso) => (iso ? day.format(new Date(iso)) : "");
const zoneName = texts.review_zones[told.timezone] ?? new Intl.DateTimeFormat(texts.language, { timeZone: told.timezone, timeZoneName: "longGeneric" }).formatToParts(0).find(({ type }) => type === "timeZoneName").value;
const MOST_FINDINGS = 200;
const WHY = "why:";

const counted = (counts) => Object.entries(counts ?? {}).map(([kind, n]) => `${texts.review_changes[kind]} ${number(n)}`).join(texts.page.comma);
const oneLine = (one) => [counted(one.counts), one.moved_households ? fill(T.moved, { n: number(one.moved_households) }) : ""].filter(Boolean).join(" · ");

const stateOf = (one) => (one.in_force ? "in_force" : one.state);

class Review {
  constructor() {
    this.rows = [];
    this.state = address.read();
  }

  async open() {
    addEventListener("hashchange", () => this.pick(address.read().version));
    place("swipe").addEventListener("input", ({ target }) => place("after").parentElement.style.setProperty("--swipe", `${target.value}%`));
    listenKeys(KEYS.map(([keys, name]) => [keys, texts.review_keys[name]]), this.keys());
    await this.load();
    await this.pick(this.state.version ?? this.rows.find(({ state }) => state === "submitted")?.id);
  }

  async load() {
    this.rows = (await ask("/api/reviews")).reviews;
    this.list();
  }

  list() {
    const row = (one) => el("li", {}, el(
      "button.review-row", { type: "button", "aria-current": String(String(one.id) === String(this.one?.id)), onclick: () => this.pick(one.id) },
      el("b", {}, one.called), el(`span.state.state-${stateOf(one)}`, {}, texts.review_states[stateOf(one)]),
      el("small", {}, [fill(T.made, { name: one.author, date: date(one.created_at) }), one.note].filter(Boolean).join(" · ")),
      oneLine(one) && el("small", {}, oneLine(one)),
    ));
    const body = place("work-body");
    if (!this.rows.length) return body.replaceChildren(el("p.empty", {}, T.empty));
    const waiting = this.rows.filter(({ state }) => state === "submitted"), rest = this.rows.filter(({ state }) => state !== "submitted");
    return body.replaceChildren(
      el("h3", {}, T.waiting, el("b", {}, number(waiting.length))), waiting.length ? el("ol", {}, waiting.map(row)) : el("p.empty", {}, T.none_waiting),
      el("h3", {}, T.others, el("b", {}, number(rest.length))), el("ol", {}, rest.map(row)),
    );
  }

  async pick(id) {
    if (!id) {
      document.body.classList.add("no-maps");
      place("no-map").textContent = T.pick;
      return say("");
    }
    if (String(id) === String(this.one?.id)) return this.panel();
    say(T.loading);
    try {
      this.take(await ask(`/api/reviews/${id}`));
    } catch (refused) {
      return say(refused.message);
    }
    address.write({ version: String(id) });
    await this.draw();
    return say("");
  }

  take(one) {
    this.one = { ...this.one, ...one };
    this.list();
    this.panel();
  }

  async draw() {
    const one = this.one;
    this.maps?.close();
    this.maps = undefined;
    document.body.classList.toggle("no-maps", !one.against);
    try {
      this.maps = await openMaps({ before: one.against, after: one.id, on: { grid: (code) => this.of(code), finding() {}, nothing() {} } });
      place("no-map").textContent = "";
    } catch {
      place("no-map").textContent = texts.plan.no_webgl;
      return;
    }
    this.maps.show(await ask(`/api/reviews/${one.id}/changes`));
    document.body.classList.add("drawn");
    if (one.changes.length) this.maps.fit(around(one.changes.map(({ bounds }) => bounds)));
  }

  of(code) {
    const at = this.one.changes.findIndex((row) => row.old_code === code || row.new_code === code);
    if (at >= 0) this.pickChange(at);
    const field = place("comment-code");
    if (field) field.value = code;
  }

  pickChange(at) {
    this.at = at;
    markRow(at);
    this.maps?.pick(at, this.one.changes[at].bounds);
  }

  step(by) {
    const n = this.one?.changes.length;
    if (n) this.pickChange(nextRow(this.at, by, n));
  }

  // On a phone the version lies over the queue.
  queue() {
    document.body.classList.remove("has-detail");
    place("detail").hidden = true;
    place("work-body").querySelector('[aria-current="true"]')?.focus();
  }

  panel() {
    const one = this.one, detail = place("detail"), typed = readTyped(detail, this.shown === one.id);
    this.shown = one.id;
    detail.hidden = false;
    document.body.classList.add("has-detail");
    detail.replaceChildren(...[
      el("button.link.back.to-queue", { type: "button", onclick: () => this.queue() }, "‹ ", T.queue),
      el("p.over", {}, texts.review_states[stateOf(one)]),
      el("h2", {}, one.called),
      el("p.sub", {}, [fill(T.made, { name: one.author, date: date(one.created_at) }), one.effective_from && fill(T.in_force_from, { date: date(one.effective_from) }), one.note].filter(Boolean).join(" · ")),
      el("h3", {}, T.changes, el("b", {}, number(one.changes.length))),
      one.changes.length ? el("p", {}, oneLine(one)) : el("p.empty", {}, one.against ? T.nothing : T.first),
      el("ol", {}, one.changes.map((row, k) => changeRow(row, () => this.pickChange(k)))),
      el("h3", {}, T.seams), this.seams(),
      el("h3", {}, T.findings, el("b", {}, number(one.findings.length))),
      ...this.findings(),
      one.steps.length > 0 && el("h3", {}, T.steps),
      one.steps.length > 0 && el("ol.steps-list", {}, one.steps.map((step) => el("li", {}, el("span", {}, texts.review_bodies[step.name] ?? step.name), el("span", {}, texts.review_steps[step.state]), step.actor && el("small", {}, [step.actor, date(step.at), step.document].filter(Boolean).join(" · "))))),
      el("h3", {}, T.comments, el("b", {}, number(one.comments.length))),
      ...one.comments.map((row) => this.comment(row)), one.may.includes("comment") && this.commentForm(),
      ...this.decision(),
      this.papers(),
    ].filter(Boolean));
    typed.into(detail);
  }

  findings() {
    const { findings } = this.one, more = findings.length - MOST_FINDINGS;
    const row = ({ rule, severity, code, detail, reason }) => el("li.comment", {}, el("b", {}, words("rules", rule)), " ", el("code", {}, code.slice(12)), severity === "hard" && el("b.must", {}, T.must_mend), el("p", {}, detail), reason && el("p.quiet", {}, reason));
    return [el("ol.findings", {}, findings.slice(0, MOST_FINDINGS).map(row)), more > 0 && el("p.quiet", {}, fill(T.more_findings, { n: number(more) }))].filter(Boolean);
  }

  seams() {
    const out = el("div", {}, el("button.link", { type: "button", onclick: () => this.loadSeams(out) }, T.check_seams));
    return out;
  }

  async loadSeams(out) {
    say("");
    out.replaceChildren(el("p.quiet", {}, T.loading));
    const { faults, compared } = await ask(`/api/reviews/${this.one.id}/seams`);
    const row = (fault) => el("li", {}, el("button.link", { type: "button", onclick: () => this.maps?.fit(fault.bounds) }, [texts.review_seams?.[fault.fault] ?? fault.fault, fault.other].filter(Boolean).join(" · ")));
    out.replaceChildren(el("p.quiet", {}, fill(T.compared, { n: number(compared.length) })), faults.length ? el("ol", {}, faults.map(row)) : el("p.good", {}, T.no_seams));
  }

  comment(row) {
    const where = [row.code, row.other_code].filter(Boolean).map(grouped).join(" – ");
    const answered = row.answered_by ? el("p.quiet", {}, `${row.answered_by}: ${row.answer ?? T.erased}`) : this.form(`answer-${row.id}`, T.answer, [el("textarea", { name: "text", required: true, maxLength: 2000, "aria-label": T.answer })],
      (form) => change(`/api/reviews/${this.one.id}/comments/${row.id}/answer`, { text: form.get("text") }));
    return el("div.comment", {}, el("code", {}, where), el("p", {}, `${row.actor}: ${row.text ?? T.erased}`), answered);
  }

  commentForm() {
    return this.form("comment", T.add_comment, [
      el("label", {}, T.code, el("input", { id: "comment-code", name: "code", required: true, pattern: "[0-9]{12,20}", inputMode: "numeric" })),
      el("label", {}, T.other_code, el("input", { name: "other_code", pattern: "[0-9]{12,20}", inputMode: "numeric" })),
      el("label", {}, T.text, el("textarea", { name: "text", required: true, maxLength: 2000 })),
    ], (form) => change(`/api/reviews/${this.one.id}/comments`, { code: form.get("code"), other_code: form.get("other_code") || null, text: form.get("text") }));
  }

  decision() {
    const { id, may, last } = this.one, at = `/api/reviews/${id}`;
    const due = (name) => last?.decision === name && el("label", {}, fill(T.effective_in, { zone: zoneName }), el("input", { name: "effective_from", type: "datetime-local" }));
    const sealed = () => el("label", {}, T.attachment, el("input", { name: "attachment", type: "file", accept: ".pdf,.ofd,.png,.jpg,.jpeg,.p7m" }));
    const forms = {
      approve: () => this.form("approve", T.approve, [due("approve"), el("label", {}, T.document, el("input", { name: "document" })), sealed()], (form) => upload(`${at}/approve`, timed(form)), { main: true, missing: (form) => this.beforeForce("approve", form) }),
      file: () => this.form("file", T.file, [el("label", {}, T.receipt, el("input", { name: "receipt", required: true })), due("file"), sealed()], (form) => upload(`${at}/file`, timed(form)), { main: true, missing: (form) => [without(form, "receipt") && T.receipt, ...this.beforeForce("file", form)] }),
      return: () => this.form("return", T.return, [el("label", {}, T.reason, el("textarea", { name: "reason", required: true, maxLength: 2000 }))], (form) => change(`${at}/return`, { reason: form.get("reason") }), { missing: (form) => [without(form, "reason") && T.reason] }),
      submit: () => this.form("submit", T.submit, this.one.to_explain.map(why), (form) => change(`${at}/submit`, { reasons: reasons(form) }), { main: true, missing: (form) => this.beforeHandingIn(form) }),
      withdraw: () => this.form("withdraw", T.withdraw, [], () => change(`${at}/withdraw`)),
    };
    const shown = Object.keys(forms).filter((name) => may.includes(name));
    return shown.length ? [el("h3", {}, T.decide), ...shown.map((name) => forms[name]())] : [];
  }

  // What the store asks before a decision brings a version into force.
  beforeForce(name, form) {
    const { last, comments } = this.one, open = comments.filter((row) => !row.answered_by).length;
    if (last?.decision !== name) return [];
    return [last.reviews_before && T.reviews_before, without(form, "effective_from") && T.effective, open && fill(T.unanswered, { n: number(open) })];
  }

  beforeHandingIn(form) {
    const hard = this.one.findings.filter(({ severity }) => severity === "hard").length;
    return [hard && fill(T.hard, { n: number(hard) }), ...this.one.to_explain.filter(({ rule }) => without(form, WHY + rule)).map(({ rule }) => fill(T.reason_of, { rule: words("rules", rule) }))];
  }

  // A form that sends, shows what came of it, and where it was refused why. What is still missing stands by its button.
  form(name, label, fields, send, { main = false, missing = () => [] } = {}) {
    const refusal = el("p.refusal", { role: "alert", hidden: true });
    const note = el("p.missing", { id: `missing-${name}` });
    const button = el(main ? "button.main" : "button.second", { "aria-describedby": note.id }, label);
    const tell = (form) => {
      const what = missing(new FormData(form)).filter(Boolean).join(texts.page.comma);
      note.textContent = what && fill(T.missing, { what });
      note.hidden = !what;
    };
    const submit = async (event) => {
      event.preventDefault();
      button.disabled = true;
      refusal.hidden = true;
      say("");
      try {
        const found = await send(new FormData(event.target));
        event.target.dataset.sent = "";
        this.take(found);
        await this.load();
        say(T.done);
      } catch (refused) {
        refusal.hidden = false;
        refusal.textContent = refused.message;
      } finally {
        button.disabled = false;
      }
    };
    const made = el(`form.decide.decide-${name}`, { name, onsubmit: submit, oninput: () => tell(made) }, ...fields, el("div.both", {}, button, note), refusal);
    tell(made);
    return made;
  }

  papers() {
    const out = el("span.quiet", { role: "status" });
    const make = async () => {
      say("");
      const { task } = await change(`/api/reviews/${this.one.id}/dossier`, { language: texts.language });
      this.follow(task, out);
    };
    return el("div.papers", {},
      el("a.link", { href: `${told.root}/review/${this.one.id}/sheet?lang=${texts.language}`, target: "_blank" }, T.sheet),
      el("button.link", { type: "button", onclick: make }, T.dossier), out);
  }

  async follow(task, out) {
    const tell = (one) => (out.textContent = fill(T.working, { share: Math.round(100 * one.share), said: one.said }));
    const one = await follow(task, { tell, stays: () => out.isConnected });
    if (one?.state === "done") out.replaceChildren(el("a.link", { href: `${told.root}/api/tasks/${task}/file` }, T.download));
    else if (one) out.textContent = one.said;
  }

  keys() {
    return { j: () => this.stepRow(1), k: () => this.stepRow(-1), "]": () => this.step(1), "[": () => this.step(-1), c: () => place("comment-code")?.focus(), b: () => fold() };
  }

  stepRow(by) {
    const at = this.rows.findIndex(({ id }) => String(id) === String(this.one?.id));
    if (this.rows.length) this.pick(this.rows[(at + by + this.rows.length) % this.rows.length].id);
  }
}

// Why the findings of a rule are to stand: a field a rule.
const why = ({ rule, count, reason }) => el("label", {}, fill(T.why, { rule: words("rules", rule), n: number(count) }), el("textarea", { name: WHY + rule, value: reason, required: true, maxLength: 2000 }));
const reasons = (form) => Object.fromEntries([...form].filter(([name]) => name.startsWith(WHY)).map(([name, text]) => [name.slice(WHY.length), text]));

const without = (form, name) => !form.get(name)?.trim();

// Empty fields are left out; a time is one of the city, which the server knows.
function timed(form) {
  if (!form.get("effective_from")) form.delete("effective_from");
  if (!form.get("attachment")?.size) form.delete("attachment");
  return form;
}

place("work-grip").addEventListener("click", () => fold());
window.review = new Review(); // for tests and the console
window.review.open().catch((refused) => say(refused.message));
