// The dispatch page: a place is located, its case recorded, and the cases of the area go their way.
import { ask, change, told } from "./api.js";
import "./address.js";
import { vector } from "./base.js";
import { batches } from "./batch.js";
import { listenToBox } from "./box.js";
import { answerPanel } from "./case_answer.js";
import { caseFilters, caseList, casePanel } from "./case_list.js";
import { openCaseMap } from "./case_map.js";
import { el, fill, texts } from "./dom.js";
import { listenKeys } from "./keys.js";
import { fold } from "./panel.js";

const said = texts.dispatch, keys = texts.dispatch_keys;
const place = (id) => document.getElementById(id);
const form = place("ask"), box = place("box"), detail = place("detail");
const itemNames = new Map([...place("items").options].map((one) => [one.textContent.split(" · ")[0], one.value]));
const itemName = (code) => itemNames.get(code) ?? code;
const phone = () => innerWidth <= 760;
const query = (values) => new URLSearchParams(Object.entries(values).filter(([, value]) => value !== undefined && value !== null && value !== "")).toString();

// An address bar of its own: what is asked, and which case is open.
const wanted = new URLSearchParams(location.search);
function remember(values) {
  const kept = new URLSearchParams(location.search);
  for (const name of ["address", "lon", "lat", "item", "case", "state"]) kept.delete(name);
  for (const [name, value] of Object.entries(values)) if (value) kept.set(name, value);
  history.replaceState(history.state, "", `${location.pathname}${kept.size ? `?${kept}` : ""}${location.hash}`);
  for (const link of document.querySelectorAll(".tongue")) link.search = new URLSearchParams([...kept].filter(([name]) => name !== "lang").concat([["lang", link.lang]])).toString();
}

// One that a server takes once, however often it is sent; crypto.randomUUID is not there without HTTPS.
const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

let timer;
function say(text, { stays = false } = {}) {
  clearTimeout(timer);
  place("status").textContent = text;
  if (text && !stays) timer = setTimeout(() => (place("status").textContent = ""), 6000);
}
const complain = (error) => say(error.message || said.failed);

class Dispatch {
  constructor() {
    this.asked = undefined; // what was asked, as it is sent again to be recorded
    this.turn = 0;
    this.state = wanted.get("state") ?? "";
    this.cases = [];
    this.page = 1;
  }

  // ---- locating
  async locate(asked) {
    const turn = (this.turn += 1);
    if (!asked.address && asked.lon === undefined) return box.focus();
    this.asked = { ...asked, item: place("item").value.trim() || undefined };
    this.chosen = this.picked = this.duplicates = undefined;
    this.key = newKey();
    say(said.working, { stays: true });
    try {
      const found = await ask(`/api/resolve?${query(this.asked)}`);
      if (turn !== this.turn) return;
      this.found = found;
      say("");
    } catch (error) {
      return turn === this.turn && complain(error);
    }
    remember(this.asked);
    this.draw();
    if (phone()) fold(true);
    (place("record")?.disabled === false ? place("record") : detail.querySelector(".candidate") ?? detail).focus({ preventScroll: true });
    await Promise.all([this.look(turn), this.compare(turn)]);
  }

  async look(turn) {
    const { lon, lat } = this.found;
    if (lon === null) return this.map?.clear();
    try {
      this.around = await ask(`/api/cases/around?${query({ lon, lat })}`);
      if (turn === this.turn) this.show();
    } catch (error) {
      complain(error);
    }
  }

  // recorded cases that may be the same
  async compare(turn) {
    if (!this.found.item || this.found.lon === null) return;
    try {
      const { cases } = await ask(`/api/cases/near?${query(this.asked)}`);
      if (turn !== this.turn) return;
      this.duplicates = cases;
      const focus = document.activeElement?.id;
      this.draw();
      if (focus) place(focus)?.focus({ preventScroll: true });
      this.show();
    } catch (error) {
      complain(error);
    }
  }

  async choose(code) {
    this.chosen = code;
    this.draw();
    this.show();
    place("record")?.focus({ preventScroll: true });
  }

  async record() {
    if (!this.asked || !this.found?.grid_code || (this.found.must_choose && !this.chosen) || this.sending) return false;
    const elements = form.elements;
    const more = Object.fromEntries(["source", "description", "caller", "phone"].map((name) => [name, elements[name]?.value.trim()]).filter(([, value]) => value));
    this.sending = true;
    try {
      const made = await change("/api/cases", { ...this.asked, ...more, grid_code: this.chosen }, "POST", { "Idempotency-Key": this.key });
      say(fill(said.recorded, { number: made.number }));
      this.clear();
      await this.list();
      box.focus();
    } catch (error) {
      complain(error);
    } finally {
      this.sending = false;
    }
  }

  clear() {
    form.reset();
    this.asked = this.found = this.chosen = this.picked = this.around = undefined;
    this.turn += 1;
    detail.hidden = true;
    document.body.classList.remove("has-detail");
    this.map?.clear();
    remember({ state: this.state });
    if (phone()) fold(false);
  }

  // ---- cases
  async list({ older = false } = {}) {
    this.page = older ? this.page + 1 : 1;
    try {
      const { cases, more } = await ask(`/api/cases?${query({ state: this.state, page: this.page })}`);
      this.cases = older ? [...this.cases, ...cases] : cases;
      this.more = more;
    } catch (error) {
      return complain(error);
    }
    this.drawList();
  }

  async open(number) {
    const turn = (this.turn += 1);
    try {
      const one = await ask(`/api/cases/${number}`);
      if (turn !== this.turn) return;
      this.pick(one);
      if (phone()) fold(true);
      detail.focus({ preventScroll: true });
    } catch (error) {
      complain(error);
    }
  }

  async pick(one) {
    this.picked = one;
    this.found = this.asked = this.form = this.caller = undefined;
    remember({ state: this.state, case: one.number });
    this.draw();
    this.drawList();
    if (one.lon === null) return this.map?.clear();
    const turn = this.turn;
    try {
      this.around = await ask(`/api/cases/around?${query({ lon: one.lon, lat: one.lat })}`);
      if (turn === this.turn) this.show();
    } catch (error) {
      complain(error);
    }
  }

  act(name) {
    if (name === "verify") return this.send("verify", {});
    this.form = name || undefined;
    this.draw();
    detail.querySelector(".step input, .step textarea")?.focus();
  }

  async send(step, values) {
    const { number, updated_at: seen } = this.picked;
    const body = { ...values, seen };
    if (step === "hand") Object.assign(body, { pushed_back: values.pushed_back === "yes", grid_code: (values.grid_code ?? "").replace(/\s/g, "") });
    try {
      const one = await change(`/api/cases/${number}/${step}`, body);
      this.pick(one);
      await this.list();
    } catch (error) {
      complain(error);
    }
  }

  async showCaller() {
    try {
      this.caller = await change(`/api/cases/${this.picked.number}/caller`, {});
      this.draw();
    } catch (error) {
      complain(error);
    }
  }

  step(by) {
    if (!this.cases.length) return false;
    const at = this.cases.findIndex(({ number }) => number === this.picked?.number);
    this.open(this.cases.at((at < 0 ? (by > 0 ? 0 : -1) : at + by) % this.cases.length).number);
  }

  // ---- what is seen
  draw() {
    const on = {
      close: () => this.clear(), choose: (code) => this.choose(code), record: () => this.record(), open: (number) => this.open(number),
      place: (one) => this.locate({ address: one.text, lon: one.lon, lat: one.lat, accuracy_m: one.accuracy_m }),
    };
    const onCase = { close: on.close, act: (name) => this.act(name), send: (name, values) => this.send(name, values), caller: () => this.showCaller(), choose: (code) => this.send("choose", { grid_code: code }) };
    const mayHand = ["dispatcher", "administrator"].includes(told.person?.role);
    if (this.picked) casePanel(detail, { one: this.picked, itemName, form: this.form, caller: this.caller, mayHand, on: onCase });
    else if (this.found) answerPanel(detail, { found: this.found, chosen: this.chosen, cases: this.duplicates, mayRecord: true, on });
    document.body.classList.toggle("has-detail", !detail.hidden);
    this.map?.map.resize();
  }

  drawList() {
    caseFilters(place("filters"), { state: this.state, on: { state: (state) => { this.state = state; remember({ state }); this.list(); } } });
    caseList(place("cases"), { cases: this.cases, more: this.more, picked: this.picked?.number, state: this.state, itemName, on: { open: (number) => this.open(number), older: () => this.list({ older: true }) } });
  }

  show() {
    if (!this.map || !this.around) return;
    if (this.picked) this.map.show(this.picked, { own: this.picked.grid_code, options: [], around: this.around });
    else if (this.found?.lon !== null && this.found)
      this.map.show(this.found, { own: this.chosen || this.found.grid_code, options: this.found.candidates.map(({ grid_code: code }) => code), around: this.around, cases: this.duplicates });
  }

  async openMap() {
    const none = (text) => place("map").replaceChildren(el("p.empty", { role: "note" }, text));
    try {
      const grids = await vector("grids");
      if (grids.empty) return none(said.nothing_in_force);
      this.map = openCaseMap(place("map"), grids, (lon, lat) => this.locate({ address: box.value.trim() || undefined, lon: Number(lon.toFixed(7)), lat: Number(lat.toFixed(7)) }));
    } catch (error) {
      return none(error.status ? error.message : said.no_webgl);
    }
    await this.map.ready;
    this.show();
    document.body.classList.add("drawn");
  }

  candidate(at) {
    const row = detail.querySelectorAll(".candidate")[at];
    return row ? row.click() : false;
  }

  async start() {
    listenToBox(box, place("suggestions"), (text) => this.locate({ address: text.trim() }));
    form.addEventListener("submit", (event) => { event.preventDefault(); this.locate({ address: box.value.trim() }); });
    place("item").addEventListener("change", () => this.found && this.asked && this.locate({ ...this.asked }));
    place("refresh").addEventListener("click", () => this.list());
    const many = batches();
    const digits = Object.fromEntries([..."123456789"].map((digit, at) => [digit, () => this.candidate(at)]));
    listenKeys(
      [["/", keys.find], ["r", keys.record], ["1 … 9", keys.choose], ["u", keys.refresh], ...(many ? [["m", texts.batch.title]] : []), ["j k", keys.step], ["Esc", keys.close], ["b", keys.fold], ["?", keys.help]],
      { "/": () => { fold(false); box.focus(); box.select(); }, r: () => this.record(), u: () => this.list(), m: () => (many ? many.open() : false), j: () => this.step(1), k: () => this.step(-1), Escape: () => this.clear(), b: () => fold(), ...digits },
    );
    place("work-grip").addEventListener("click", () => fold());
    this.drawList();
    const opening = this.openMap();
    const listing = this.list();
    if (wanted.get("item")) place("item").value = wanted.get("item");
    if (wanted.get("case")) await this.open(wanted.get("case"));
    else if (wanted.get("address") || wanted.get("lon")) {
      box.value = wanted.get("address") ?? "";
      await this.locate({ address: box.value || undefined, lon: wanted.get("lon") ?? undefined, lat: wanted.get("lat") ?? undefined });
    } else if (!phone()) box.focus();
    await Promise.all([opening, listing]);
  }
}

window.dispatch = new Dispatch(); // for tests and the console
window.dispatch.start();
