// The heat page: the question, its answer on the map, in the strip and in the list; and the wall.
import * as address from "./address.js";
import { ask, told } from "./api.js";
import { boundsOf } from "./boxes.js";
import { date, el, fill, number, texts } from "./dom.js";
import { detail, failed, list, ranked, stale } from "./heat_list.js";
import { LAYERS, legend, legendRows, painter, picture } from "./heat_layers.js";
import { drawn, openPane } from "./heat_map.js";
import { Strip, toDay, toIso } from "./heat_strip.js";
import { listenKeys } from "./keys.js";
import { together } from "./pair.js";
import { fold } from "./panel.js";

const place = (id) => document.getElementById(id);
const T = texts.heat;
const say = (text) => (place("status").textContent = text);
const WALL = place("heat").dataset.wall === "yes", TURN_MS = 12_000, FRESH_MS = 60_000, TOP = 5;
const KEYS = [["1 2 3 4", "layers"], ["Space", "play"], ["← →", "step"], ["j k", "next"], ["0", "whole"], ["+ −", "zoom"], ["l", "legend"], ["Esc", "close"], ["?", "help"]];

class Heat {
  constructor(choices, shapes) {
    Object.assign(this, { choices, shapes, state: address.read(), token: 0 });
    this.on = { pick: (code) => this.pick(code, true), grid: (code) => this.pick(code), close: () => this.pick(), sort: (sort) => this.set({ sort }, "list"), item: (item) => this.set({ item, grid: undefined }) };
    this.strip = new Strip(place("strip"), (from, to, { playing }) => this.moved(from, to, playing));
  }

  // ---- what is asked
  get layer() { return LAYERS.includes(this.state.layer) ? this.state.layer : "density"; }
  get window() { return [this.state.from ?? this.choices.window[0], this.state.to ?? this.choices.window[1]]; }
  // What is asked to be held beside it; and the part of that on which cases are counted at all.
  get beside() {
    const [from, to] = this.window.map(toDay), { compare, cfrom, cto } = this.state;
    if (compare === "before") return [toIso(2 * from - to - 1), toIso(from - 1)];
    if (compare === "year") return [from, to].map((day) => toIso(day - 364)); // the same days of the week
    return compare === "own" && cfrom && cto ? [cfrom, cto] : undefined;
  }

  get other() {
    const { beside, choices: { first } } = this;
    if (!beside || beside[0] >= first) return beside;
    return beside[1] >= first ? [first, beside[1]] : undefined;
  }

  // Days before the first are not days without cases: that is said.
  get begins() {
    const { beside, other, choices } = this, first = date(choices.first);
    if (!beside || beside[0] >= choices.first) return "";
    return other ? fill(T.begins_within, { first, from: date(beside[0]), to: date(beside[1]) }) : fill(T.begins_after, { first, from: date(beside[0]), to: date(beside[1]) });
  }

  query([from, to], more = {}) {
    const asked = { from, to, ...(this.state.item && { item: this.state.item }), ...(this.state.source && { source: this.state.source }), ...more };
    return new URLSearchParams(asked).toString();
  }

  set(change, how = "all") {
    this.state = { ...this.state, ...change };
    address.write(this.state);
    if (how === "list") return this.panel();
    if (how === "layer") return this.draw();
    this.form();
    return this.load();
  }

  // ---- answers; an answer that comes late is not shown
  async load() {
    const token = ++this.token, [window, other] = [this.window, this.other];
    say(T.loading);
    try {
      const [answer, days, compared, was] = await Promise.all([
        ask(`/api/heat/grids?${this.query(window)}`), ask(`/api/heat/days?${this.query(window)}`),
        other && ask(`/api/heat/compare?${this.query(window, { compare_from: other[0], compare_to: other[1] })}`), other && ask(`/api/heat/grids?${this.query(other)}`),
      ]);
      if (token !== this.token) return;
      Object.assign(this, { answer, compared, was });
      this.top ??= answer.density.at(-1).from;
      if (this.scaled !== this.scale) Object.assign(this, { scaled: this.scale, top: Math.max(answer.density.at(-1).from, was?.density.at(-1).from ?? 0), steps: answer.density.at(-1).from >= (was?.density.at(-1).from ?? 0) ? answer.density : was.density });
      this.strip.show(days, ...window);
      say("");
      await this.draw();
      this.panel();
      document.body.classList.add("answered");
    } catch (refused) {
      if (token !== this.token) return;
      say("");
      failed(place("work-body"), refused.message);
      if (refused.status === undefined) throw refused;
    }
  }

  // The scale stays while only the window moves, so that colours can be held against each other.
  get scale() { return [this.state.item, this.state.source, this.strip.length, this.state.compare, ...(this.other && this.state.compare === "own" ? this.other : [])].join(); }

  moved(from, to, playing) {
    this.state = { ...this.state, from, to };
    address.write(this.state);
    this.form();
    if (playing) this.aged();
    if (playing && this.layer === "density") return this.densities();
    return this.load();
  }

  // ---- the map
  async open() {
    this.controls();
    this.form();
    listenKeys(KEYS.map(([keys, name]) => [keys, texts.heat_keys[name]]), this.keys());
    addEventListener("hashchange", () => { this.state = address.read(); this.form(); this.load(); });
    const placed = address.hasPlace();
    this.strip.window(...this.window);
    const loading = this.load();
    try {
      this.pane = await openPane(place("after"), this.choices, this.on, { hash: WALL ? false : "map", controls: !WALL });
      if (!placed) this.pane.fit();
    } catch {
      document.body.classList.add("no-maps");
      place("no-map").textContent = texts.plan.no_webgl;
    }
    await loading;
    await this.draw();
    if (WALL) this.turnAround();
    if (this.state.grid) this.pick(this.state.grid, !placed);
    document.body.classList.add("drawn");
  }

  async draw() {
    const { answer, was, choices, layer } = this;
    for (const input of place("layers").querySelectorAll("input")) input.checked = input.value === layer;
    if (!answer) return;
    this.told = legendRows(layer, { ...answer, density: this.steps ?? answer.density }, choices);
    legend(place("legend"), this.told);
    if (!this.pane) return;
    if (was) {
      this.behind ??= await this.second();
      this.behind.show(this.shapes, painter(layer, was, choices, answer.class_limits));
    }
    this.pane.show(this.shapes, painter(layer, answer, choices, answer.class_limits));
    for (const pane of [this.pane, this.behind].filter(Boolean)) pane.pick(this.state.grid);
    this.densities();
  }

  async second() {
    const pane = await openPane(place("before"), this.choices, this.on, { controls: false });
    together(this.pane, pane);
    return pane;
  }

  // The two halves and the days that each shows.
  sides() {
    const { other, window } = this, twice = Boolean(this.was && other);
    for (const id of ["swipe", "side-before", "side-after"]) place(id).hidden = !twice;
    place("heat").classList.toggle("twice", twice);
    if (twice) for (const [id, days] of [["side-before", other], ["side-after", window]]) place(id).textContent = days.map(date).join(" – ");
    return twice;
  }

  densities() {
    const seen = this.layer === "density" && this.answer, twice = this.sides();
    this.pane?.density(seen ? this.query(this.window, { top: this.top }) : "");
    if (this.behind && twice) this.behind.density(seen ? this.query(this.other, { top: this.top }) : "");
  }

  // ---- the list, and what is picked
  panel() {
    const { answer, compared, choices, state, on } = this, body = place("work-body"), row = answer?.grids[state.grid];
    if (!answer) return;
    if (row) detail(body, { code: state.grid, row, told: this.place?.code === state.grid ? this.place : undefined, compared, answer, choices, on });
    else list(body, { answer, compared, choices, state, on });
    if (row) this.cases(state.grid);
    this.aged();
    if (WALL) this.board();
  }

  // While days play the list is of the days that were counted last, and says so; the total is that of the days shown.
  aged() {
    const { question } = this.answer ?? {};
    if (question && this.strip.playing) stale(place("work-body"), { cases: this.strip.cases, from: date(question.from), to: date(question.to), now: question.from === this.window[0] && question.to === this.window[1] });
  }

  async cases(code) {
    const query = this.query(this.window);
    if (this.place?.code === code && this.place.query === query) return;
    const found = await ask(`/api/heat/grid/${code}?${query}`).catch(() => undefined);
    if (!found || this.state.grid !== code) return;
    this.place = { ...found, query };
    this.panel();
  }

  pick(grid, go = false) {
    this.state = { ...this.state, grid };
    address.write(this.state);
    if (grid && innerWidth <= 760) fold(false);
    this.panel();
    for (const pane of [this.pane, this.behind].filter(Boolean)) pane.pick(grid);
    if (grid && go) this.pane?.fit(boundsOf(this.shapes.features.find(({ properties }) => properties.code === grid)?.geometry));
    if (!grid) place("work").scrollTop = 0;
  }

  next(by) {
    if (!this.answer) return;
    const codes = ranked(this.answer, this.state.sort).map(({ code }) => code), at = codes.indexOf(this.state.grid);
    this.pick(codes[(at < 0 ? (by > 0 ? 0 : codes.length - 1) : at + by + codes.length) % codes.length], true);
  }

  // ---- forms
  controls() {
    const radio = (name, k) => el("label", {}, el("input", { type: "radio", name: "layer", value: name, "aria-keyshortcuts": String(k + 1), onchange: () => this.set({ layer: name }, "layer") }), el("span", {}, T[name]), el("kbd", { "aria-hidden": "true" }, String(k + 1)));
    place("layers").append(...LAYERS.map(radio));
    // a click leaves the keys to the page; who comes by Tab keeps the arrows of the choice
    place("layers").addEventListener("click", ({ detail, target }) => detail && target.blur());
    place("swipe").addEventListener("input", ({ target }) => place("heat").style.setProperty("--swipe", `${target.value}%`));
    place("work-grip").addEventListener("click", () => fold());
    if (innerWidth <= 760) { fold(true); place("asked-sheet").open = false; }
  }

  form() {
    const { choices, state } = this, [from, to] = this.window;
    const select = (name, label, options) => el("label", {}, label, el("select", { name, id: `ask-${name}`, onchange: ({ target }) => this.set({ [name]: target.value || undefined }) }, options.map(([value, text]) => el("option", { value, selected: (state[name] ?? "") === value }, text))));
    const day = (name, label, value) => el("label", {}, label, el("input", { type: "date", name, id: `ask-${name}`, required: true, min: choices.first, max: choices.last, value: value ?? "", onchange: ({ target }) => target.value && this.set({ [name]: target.value }) }));
    const items = choices.items.map(({ code, name }) => [code, [code, name === code ? "" : name].filter(Boolean).join(" ")]);
    const focus = document.activeElement?.id;
    place("asked").replaceChildren(
      select("item", T.item, [["", T.every_item], ...items]), select("source", T.source, [["", T.every_source], ...choices.sources.map((one) => [one, one])]),
      day("from", T.from, from), day("to", T.to, to),
      select("compare", T.compare, [["", T.compare_none], ["before", T.compare_before], ["year", T.compare_year], ["own", T.compare_own]]),
      ...(state.compare === "own" ? [day("cfrom", T.cfrom, state.cfrom), day("cto", T.cto, state.cto)] : []),
      el("details.takes", { onkeydown: ({ key, currentTarget }) => { if (key === "Escape") currentTarget.open = false; } }, el("summary.second", {}, T.export), el("div.takes-list", {},
        el("button.link", { type: "button", id: "take-png", onclick: () => this.png() }, T.png), ...["csv", "geojson"].map((kind) => el("a.link", { id: `take-${kind}`, href: `${told.root}/api/heat/export.${kind}?${this.query(this.window, { lang: texts.language })}`, download: "" }, T[kind])))),
      el("a.link.to-wall", { href: `${told.root}/heat/wall?lang=${texts.language}#${new URLSearchParams(state.item ? { item: state.item } : {})}` }, T.wall),
    );
    if (focus?.startsWith("ask-")) place(focus)?.focus();
    place("asked-line").textContent = this.line();
    place("begins").textContent = this.begins;
  }

  line() {
    const { item, source } = this.state, found = this.choices.items.find(({ code }) => code === item);
    return [found ? found.name || found.code : T.every_item, source ?? T.every_source, this.window.map(date).join(" – ")].join(texts.page.dot ?? " · ");
  }

  async png() {
    const panes = [this.pane, this.was && this.behind].filter(Boolean);
    if (!panes.length) return say(texts.plan.no_webgl);
    const share = Number(place("swipe").value) / 100;
    const title = [place("place").textContent, this.told.title].filter(Boolean).join(" · ");
    const made = picture(await Promise.all(panes.map(({ map }) => drawn(map))), share, this.told, title, [this.line(), this.was && `${T.compare}: ${this.other.map(date).join(" – ")}`].filter(Boolean).join(" · "));
    const link = el("a", { download: `heat_${this.window.join("_")}.png`, href: made.toDataURL("image/png") });
    link.click();
    return undefined;
  }

  keys() {
    const layers = Object.fromEntries(LAYERS.map((layer, k) => [String(k + 1), () => this.set({ layer }, "layer")]));
    return {
      ...layers, " ": () => this.strip.toggle(), ArrowLeft: () => this.step(-1), ArrowRight: () => this.step(1),
      j: () => this.next(1), k: () => this.next(-1), 0: () => this.pane?.fit(), "+": () => this.pane?.map.zoomIn(), "-": () => this.pane?.map.zoomOut(),
      l: () => { const box = place("legend").querySelector("details"); if (box) box.open = !box.open; },
      Escape: () => this.pick(),
    };
  }

  // Arrows move the window; on the map itself they move the map.
  step(by) {
    if (!document.activeElement?.matches("canvas")) this.strip.move(by);
  }

  // ---- the wall: the whole area, then one zone after the other; fresh numbers every minute
  turnAround() {
    this.turn = -1;
    const on = () => {
      const zones = this.zones();
      this.turn = this.turn + 1 >= zones.length ? -1 : this.turn + 1;
      this.board();
      this.pane?.fit(this.shown?.bounds, { slow: true });
    };
    setInterval(on, TURN_MS);
    setInterval(() => this.fresh(), FRESH_MS);
    this.board();
  }

  async fresh() {
    const choices = await ask("/api/heat/choices").catch(() => undefined);
    if (choices) this.choices = choices;
    await this.load();
  }

  // Zones with cases; those with most first.
  zones() {
    const cases = new Map();
    for (const [code, { zone, cases: n }] of Object.entries(this.answer?.grids ?? {})) cases.set(zone ?? code.slice(0, 12), (cases.get(zone) ?? 0) + n);
    return this.choices.zones.map((one) => ({ ...one, cases: cases.get(one.code) ?? 0 })).filter((one) => one.cases).sort((a, b) => b.cases - a.cases || (a.code < b.code ? -1 : 1));
  }

  get shown() { return this.turn >= 0 ? this.zones()[this.turn] : undefined; }

  board() {
    if (!this.answer) return;
    const zone = this.shown, rows = ranked(this.answer).filter((row) => row.cases && (!zone || row.zone === zone.code)).slice(0, TOP);
    const { from, to } = this.answer.question, most = Math.max(1, ...rows.map(({ cases }) => cases));
    const bar = (n) => { const made = el("i.amount"); made.style.width = `${(100 * n) / most}%`; return made; };
    place("board").replaceChildren(
      el("h2", {}, zone ? zone.name || zone.code : place("place").textContent || T.whole),
      el("p.board-count", {}, el("b", {}, number(zone ? zone.cases : this.answer.cases)), el("span", {}, fill(T.zone_cases, { from: date(from), to: date(to) }))),
      el("ol", {}, rows.map((row) => el("li", {}, el("span", {}, row.name || row.code), el("b", {}, number(row.cases)), bar(row.cases), ["hot", "cold"].includes(row.verdict) && el(`em.verdict-${row.verdict}`, {}, this.choices.words.verdicts[row.verdict])))),
      el("p.board-foot", {}, fill(T.updated, { time: new Intl.DateTimeFormat(texts.language, { dateStyle: "medium", timeStyle: "short" }).format(new Date()) }), el("a.link", { href: `${told.root}/heat?lang=${texts.language}` }, T.leave_wall)),
    );
    this.pane?.turn(zone?.code);
  }
}

async function start() {
  say(T.loading);
  try {
    const [choices, shapes] = await Promise.all([ask("/api/heat/choices"), ask("/api/heat/shapes")]);
    window.heat = new Heat(choices, shapes); // for tests and the console
  } catch (refused) {
    say("");
    return failed(place("work-body"), refused.message);
  }
  return window.heat.open();
}

start();
