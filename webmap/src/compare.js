// Two plans side by side: picked in the address, in numbers, on the map with the borders that one has alone, grid by grid.
import * as address from "./address.js";
import { ask } from "./api.js";
import { around } from "./boxes.js";
import { changeRow, markRow, nextRow } from "./change_row.js";
import { el, fill, grouped, number, percent, texts } from "./dom.js";
import { stroke } from "./hatch.js";
import { listenKeys } from "./keys.js";
import { fold, put } from "./panel.js";
import { nameOf, readVersions } from "./picker.js";
import { openMaps, SIDES } from "./review_map.js";

const place = (id) => document.getElementById(id);
const say = (text) => (place("status").textContent = text);
const T = texts.compare;
const KEYS = [["1", "one"], ["2", "other"], ["x", "swap"], ["j k [ ]", "next_change"], ["0", "all"], ["b", "list"], ["?", "help"]];
const none = "–";

// What is told of each plan: its words, and how it is written.
const ofAll = (n, all) => (all ? `${number(n)} (${percent(n / all)})` : number(n));
const ROWS = {
  grids: (one) => number(one.grids),
  microgrids: (one) => number(one.microgrids),
  in_range: (one) => ofAll(one.in_range, one.grids),
  households_in_range: (one) => ofAll(one.households_in_range, one.households),
  one_part: (one) => ofAll(one.one_part, one.grids),
  compactness: (one) => (one.compactness === null ? none : one.compactness.toFixed(3)),
  border_on_road: (one) => (one.border_on_road === null ? none : percent(one.border_on_road)),
  largest: (one) => (one.largest === null ? none : [number(one.largest), el("small", {}, el("code", {}, grouped(one.largest_code).slice(7)))]),
  smallest: (one) => (one.smallest === null ? none : [number(one.smallest), el("small", {}, el("code", {}, grouped(one.smallest_code).slice(7)))]),
};

class Compare {
  constructor(versions) {
    this.versions = versions;
    this.state = this.picked(address.read());
    listenKeys(KEYS.map(([keys, name]) => [keys, texts.compare_keys[name]]), this.keys());
    place("swipe").addEventListener("input", ({ target }) => place("after").parentElement.style.setProperty("--swipe", `${target.value}%`));
    addEventListener("hashchange", () => { this.state = this.picked(address.read()); this.load(); });
  }

  // What the address names, else what is in force and the newest beside it.
  picked({ one, other }) {
    const find = (id) => this.versions.find((version) => String(version.id) === String(id))?.id;
    const first = find(one) ?? this.versions.find(({ in_force, district }) => in_force && this.beside(district).length > 1)?.id ?? this.versions[0]?.id;
    const { district } = this.versions.find(({ id }) => id === first) ?? {};
    return { one: first, other: find(other) ?? this.beside(district).find(({ id }) => id !== first)?.id };
  }

  beside(district, network) { return this.versions.filter((version) => version.district === district && (network === undefined || version.network === network)); }
  get one() { return this.versions.find(({ id }) => id === this.state.one); }
  get other() { return this.versions.find(({ id }) => id === this.state.other); }

  take(change) {
    this.state = { ...this.state, ...change };
    const { one, other } = this;
    if (one && (!other || other.district !== one.district || other.network !== one.network)) this.state.other = this.beside(one.district, one.network).find(({ id }) => id !== one.id)?.id;
    return this.load();
  }

  swap() { return this.take({ one: this.state.other, other: this.state.one }); }

  async load() {
    const { one, other } = this.state, turn = (this.turn = (this.turn ?? 0) + 1);
    this.found = undefined;
    this.panel();
    if (!one || !other || one === other) return this.bare(one && one === other ? T.same : T.nothing_to_compare);
    address.write({ one: String(one), other: String(other) });
    say(T.loading);
    try {
      const found = await ask(`/api/compare?one=${one}&other=${other}`);
      if (turn !== this.turn) return undefined;
      this.found = found;
      this.panel();
      await this.draw(turn);
    } catch (refused) {
      if (turn === this.turn) this.bare(refused.message);
      if (!refused.status) throw refused;
    }
    return say("");
  }

  bare(text) {
    this.maps?.close();
    this.maps = undefined;
    document.body.classList.add("no-maps");
    place("no-map").textContent = text;
    place("legend").replaceChildren();
    say("");
  }

  async draw(turn) {
    const query = `?one=${this.state.one}&other=${this.state.other}`;
    const [land, borders] = await Promise.all(["land", "borders"].map((what) => ask(`/api/compare/${what}${query}`)));
    if (turn !== this.turn) return;
    this.maps?.close();
    this.maps = undefined;
    document.body.classList.remove("no-maps");
    place("no-map").textContent = "";
    for (const side of ["one", "other"]) place(`side-${side}`).replaceChildren(which(side), " ", nameOf(this[side]));
    this.legend();
    try {
      const maps = await openMaps({ before: this.state.one, after: this.state.other, on: { grid: (code) => this.of(code), finding() {}, nothing() {} } });
      if (turn !== this.turn) { maps.close(); return; }
      this.maps = maps;
    } catch {
      this.bare(texts.plan.no_webgl);
      return;
    }
    this.maps.show(land);
    this.maps.showApart(borders);
    document.body.classList.add("drawn");
    this.all();
  }

  legend() {
    const row = (side, text) => el("li", {}, stroke({ ...SIDES[side], width: 3 }, 44, 14), el("span", {}, text));
    place("legend").replaceChildren(el("div.legend", {}, el("ul", {}, row("old", T.only_one), row("new", T.only_other))));
  }

  panel() {
    const { one, other, found } = this;
    const select = (side, versions) => {
      const input = el("select", { id: `pick-${side}`, "aria-label": T[side], "aria-keyshortcuts": side === "one" ? "1" : "2", onchange: () => this.take({ [side]: Number(input.value) }) }, versions.map((version) => el("option", { value: version.id }, nameOf(version))));
      input.value = this.state[side] ?? "";
      return el("label", {}, which(side), input);
    };
    const focused = document.activeElement?.id;
    put(place("work-body"),
      el("h2", {}, T.title),
      this.versions.length > 0 && el("div.two", {}, select("one", this.versions), select("other", one ? this.beside(one.district, one.network) : this.versions), el("button.second", { type: "button", id: "swap", "aria-keyshortcuts": "x", onclick: () => this.swap() }, T.swap, " ", el("kbd", {}, "x"))),
      !found && one && other && one !== other && el("div.skeleton", { "aria-hidden": "true" }, el("i"), el("i"), el("i")),
      found && [numbers(found), el("p.moved-sum", {}, found.moved_households ? fill(T.moved, { n: number(found.moved_households) }) : T.none_moved), this.changes()],
    );
    if (focused) place(focused)?.focus();
  }

  changes() {
    const { changes } = this.found;
    return [
      el("h3", {}, T.changes, el("b", {}, number(changes.length))),
      changes.length ? el("ol.changes", {}, changes.map((row, at) => changeRow(row, () => this.pick(at)))) : el("p.good", {}, T.alike),
    ];
  }

  of(code) {
    const at = this.found.changes.findIndex((row) => row.old_code === code || row.new_code === code);
    if (at >= 0) this.pick(at);
  }

  pick(at) {
    this.at = at;
    markRow(at);
    this.maps?.pick(at, this.found.changes[at].bounds);
  }

  step(by) {
    const n = this.found?.changes.length;
    if (n) this.pick(nextRow(this.at, by, n));
  }

  all() { if (this.found?.changes.length) this.maps?.fit(around(this.found.changes.map(({ bounds }) => bounds))); }

  keys() {
    const next = () => this.step(1), before = () => this.step(-1), choose = (side) => () => { fold(false); place(`pick-${side}`)?.focus(); };
    return { 1: choose("one"), 2: choose("other"), x: () => this.swap(), j: next, k: before, "]": next, "[": before, 0: () => this.all(), b: () => fold() };
  }
}

const which = (side) => el(`span.which${side === "other" ? ".other" : ""}`, { "aria-hidden": "true" }, side === "one" ? "1" : "2");

function numbers({ one, other }) {
  const head = (side) => el("th", { scope: "col", title: T[side] }, which(side), el("span.unseen", {}, T[side]));
  const row = (name) => {
    const [was, now] = [one, other].map((plan) => ROWS[name](plan.numbers));
    const text = (cell) => [cell].flat().map((part) => part.textContent ?? part).join(" ");
    return el(text(was) === text(now) ? "tr" : "tr.differs", {}, el("th", { scope: "row" }, texts.compare_rows[name]), el("td", {}, was), el("td", {}, now));
  };
  return el("table.numbers", {}, el("thead", {}, el("tr", {}, el("td"), head("one"), head("other"))), el("tbody", {}, Object.keys(ROWS).map(row)));
}

async function start() {
  place("work-grip").addEventListener("click", () => fold());
  say(texts.plan.loading);
  const { versions } = await readVersions();
  window.compare = new Compare(versions); // for tests and the console
  await window.compare.load();
}

start().catch((refused) => say(refused.message));
