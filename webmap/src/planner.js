// The planner page: what is picked, and who has to know of it.
import { ask, load, told } from "./api.js";
import * as address from "./address.js";
import { Backdrops } from "./backdrop.js";
import { findingDetail, gridDetail } from "./detail.js";
import { date, el, fill, sign, texts } from "./dom.js";
import { Editor } from "./edit.js";
import { boundsOf } from "./boxes.js";
import { importing } from "./importing.js";
import { listenKeys } from "./keys.js";
import { legend } from "./legend.js";
import { openMap } from "./map.js";
import { fold } from "./panel.js";
import { picker, readVersions, shownOf } from "./picker.js";
import { zoneList, zonePanel } from "./work.js";

const place = (id) => document.getElementById(id);

// What a page gets of a draft may lack its last edits; the page asks for the zones that they changed.
let edits = Infinity;
const division = (path, version, { get = ask, ...more } = {}) => {
  const query = new URLSearchParams({ ...(version ? { version: version.id, ...(version.may_edit ? { behind: "" } : {}) } : Object.fromEntries(new URLSearchParams(location.search))), ...more });
  return get(`/api/division${path}${query.size ? `?${query}` : ""}`, { heard: (answer) => (edits = Math.min(edits, Number(answer.headers.get("Edit-Number") ?? 0))) });
};

function say(text) {
  place("status").textContent = text;
}

function fail(error) {
  say("");
  place("work-body").replaceChildren(
    el("div.empty", {}, sign("hard"), el("h2", {}, texts.plan.failed), el("p", {}, error.message), el("button", { type: "button", onclick: () => location.reload() }, texts.plan.retry)),
  );
}

const LOOKING = [
  ["/", "find"], ["j k", "next_zone"], ["[ ]", "next_grid"], ["0", "whole"], ["+ −", "zoom"], ["d", "compare"], ["Esc", "close"], ["l", "legend"], ["b", "list"], ["p", "scans"], ["?", "help"],
];
const EDITING = [
  ["v", "look"], ["a", "give"], ["s", "split"], ["e", "border"], ["m", "merge"], ["x", "lock"], ["n", "rename"], ["r", "redivide"], ["t", "split_atom"], ["c", "carve"], ["w", "give_back"],
];
const DRAWN = ["zones", "grids", "borders"]; // read by the map itself
const KEEPING = [["↵", "apply"], ["Ctrl+Z", "undo"], ["Ctrl+⇧+Z", "redo"]];

class Planner {
  constructor(summary, { table, offenders, ...drawn }, version, bringing) {
    Object.assign(this, { version, bringing });
    this.summary = summary;
    this.drawn = drawn;
    this.state = address.read();
    this.zones = new Map(summary.zones.map((zone) => [zone.code, zone]));
    this.grids = new Map(table.map(({ bounds, ...properties }) => [properties.code, { properties, bounds }]));
    this.early = []; // changes of grids that came before the map
    this.findings = offenders.features.map((feature) => ({ ...feature.properties, id: String(feature.id), geometry: feature.geometry }));
    this.on = {
      zone: (code) => this.pick({ zone: code }, { go: true }),
      grid: (code, { go = false } = {}) => this.pick({ zone: code.slice(0, 12), grid: code }, { go }),
      click: (code) => this.editor?.takes(code) || this.on.grid(code),
      finding: (id) => this.pickFinding(id),
      show: (show) => this.pick({ show }),
      back: () => this.pick({}, {}),
      close: () => this.pick({ zone: this.state.zone }),
      nothing: () => this.editor?.drawing || this.pick({ zone: undefined }),
      drawing: () => this.editor && this.editor.tool !== "look",
      tool: (name) => this.editor?.take(name),
      step: (by) => this.stepGrid(by),
    };
  }

  get zone() { return this.zones.get(this.state.zone); }
  get grid() { return this.grids.get(this.state.grid)?.properties; }
  get finding() { return this.findings.find(({ id }) => id === this.state.finding); }
  gridsOf(zone) { return [...this.grids.values()].map(({ properties }) => properties).filter((grid) => grid.zone === zone).sort((one, two) => (one.code < two.code ? -1 : 1)); }
  rangeOf(code) { return this.summary.ranges[this.grids.get(code)?.properties.kind ?? this.zones.get(code.slice(0, 12))?.kind]; }
  findingsOf(code) { return this.findings.filter((finding) => finding.code?.startsWith(code)); }

  pick(change, { go = false } = {}) {
    this.state = { show: this.state.show, task: this.state.task, ...change };
    address.write(this.state);
    this.draw();
    this.editor?.openZone();
    if (go) this.go();
  }

  // Grids that an edit changed: in the lists, in the sums of their zone, on the map.
  takeGrids({ gone, come }) {
    for (const code of gone) this.grids.delete(code);
    for (const feature of come) this.grids.set(feature.properties.code, feature);
    for (const code of new Set([...gone, ...come.map(({ properties }) => properties.code)].map((one) => one.slice(0, 12)))) this.addUp(code);
    return this.view ? this.view.changeGrids({ gone, come }) : this.early.push({ gone, come });
  }

  addUp(code) {
    const zone = this.zones.get(code), grids = this.gridsOf(code);
    if (!zone) return;
    const out = grids.filter(({ band }) => band === "below" || band === "above").length;
    Object.assign(zone, { grids: grids.length, out_of_range: out, in_range: grids.filter(({ band }) => /^range/.test(band)).length });
    const edited = this.editor?.draft.zones.get(code); // what was proven of a division does not hold of an edited one
    if (edited) Object.assign(zone, { proof: edited.proof, gap: edited.gap });
    this.weigh(zone);
    for (const band of ["below", "above"]) this.summary.counts[band] = [...this.grids.values()].filter(({ properties }) => properties.band === band).length;
  }

  weigh(zone) {
    zone.state = !zone.grids ? "none" : zone.hard ? "hard" : zone.finding ? "finding" : zone.out_of_range ? "out" : "ready";
  }

  takeFindings(code, features) {
    const found = features.map((feature) => ({ ...feature.properties, id: `${code}.${feature.id}`, geometry: feature.geometry }));
    this.findings = [...this.findings.filter((one) => one.zone !== code), ...found];
    const zone = this.zones.get(code);
    for (const severity of ["hard", "finding"]) {
      const n = found.filter((one) => (one.severity === "hard") === (severity === "hard")).length;
      this.summary.counts[severity] += n - zone[severity];
      zone[severity] = n;
    }
    this.weigh(zone);
    this.view?.showFindings(this.findings);
    this.draw();
  }

  // Borders of zones that are edited are drawn pair by pair, and not with those of the whole district.
  hideLines(zones) {
    this.view?.hideLines(zones);
  }

  pickFinding(id) {
    const finding = this.findings.find((one) => one.id === String(id));
    const grid = finding.code?.slice(0, 15);
    this.pick({ zone: this.zones.has(finding.zone) ? finding.zone : this.state.zone, grid: this.grids.has(grid) ? grid : undefined, finding: finding.id }, { go: true });
  }

  stepGrid(by) {
    const codes = this.gridsOf(this.state.zone).map(({ code }) => code);
    if (codes.length) this.on.grid(codes.at((codes.indexOf(this.state.grid) + by + (this.state.grid || by > 0 ? 0 : 1)) % codes.length), { go: true });
  }

  stepZone(by) {
    const codes = this.summary.zones.map(({ code }) => code);
    if (codes.length) this.on.zone(codes.at((codes.indexOf(this.state.zone) + by + (this.zone || by > 0 ? 0 : 1)) % codes.length));
  }

  go() {
    const grid = this.grids.get(this.state.grid), shape = this.finding?.geometry ?? grid?.geometry;
    this.view?.fit(shape ? boundsOf(shape) : grid?.bounds ?? this.zone?.bounds);
  }

  draw() {
    const { state, on, zone, grid, finding } = this;
    if (zone) zonePanel(place("work-body"), { zone, grids: this.gridsOf(zone.code), findings: this.findingsOf(zone.code), state, on });
    else zoneList(place("work-body"), { summary: this.summary, state, on });
    place("work-body").querySelector('[aria-current="true"]')?.scrollIntoView({ block: "nearest" });
    const detail = place("detail");
    if (finding) findingDetail(detail, { finding, grid, on });
    else if (grid) gridDetail(detail, { grid, zone, range: this.summary.ranges[grid.kind], findings: this.findingsOf(grid.code), state, on: this.editor ? { ...on, edits: this.editor } : on });
    else detail.hidden = true;
    document.body.classList.toggle("has-detail", !detail.hidden);
    this.view?.mark({ zone: state.zone, grid: state.grid, offence: finding && { type: "Feature", properties: {}, geometry: finding.geometry } });
  }

  async open() {
    this.draw();
    const seen = legend(place("legend"), this.summary, this.version?.may_edit ? { open: innerWidth > 1600 } : {});
    const placed = address.hasPlace(), { findings } = this, view = this.opened(); // it is drawn while the log of a draft is read
    if (this.version?.may_edit) {
      this.editor = new Editor(this, this.version.id);
      await this.editor.open(edits);
    }
    listenKeys(this.listed(), this.keys(seen), this.editor && ((way) => this.editor.turn(way)));
    addEventListener("hashchange", () => { this.state = address.read(); this.draw(); this.editor?.openZone(); });
    address.write(this.state);
    if (!view) return say(texts.plan.no_webgl);
    await view.ready;
    this.view = view;
    if (told.person) this.backdrops = new Backdrops(view.map, place("map"), "grids");
    view.fineBorders((zone) => division("/microgrids", this.version, { zone }));
    for (const one of this.early) view.changeGrids(one);
    if (this.findings !== findings) view.showFindings(this.findings); // of zones that were looked at meanwhile
    this.editor?.onMap(view);
    this.draw();
    if (!placed) this.go();
    return document.body.classList.add("drawn");
  }

  // The map, where this browser can draw one.
  opened() {
    try {
      return openMap(place("map"), this.summary, { ...this.drawn, offenders: this.findings }, this.on);
    } catch {
      return null;
    }
  }

  listed() {
    const editing = this.editor ? [...EDITING.map(([keys, name]) => [keys, texts.tools[name]]), ...KEEPING.map(([keys, name]) => [keys, texts.edit[name]])] : [];
    const looking = LOOKING.map(([keys, name]) => [keys, texts.keys[name]]);
    return [...looking, ...(this.bringing ? [["i", texts.importing.title]] : []), ...editing];
  }

  keys(seen) {
    return {
      "/": () => { if (this.zone) this.on.back(); place("find")?.focus(); },
      j: () => this.stepZone(1), k: () => this.stepZone(-1),
      "]": () => this.stepGrid(1), "[": () => this.stepGrid(-1),
      0: () => this.view?.whole(), "+": () => this.view?.map.zoomIn(), "-": () => this.view?.map.zoomOut(),
      ...this.editor?.keys(),
      Escape: () => (this.editor && this.editor.tool !== "look" ? this.editor.clear() : this.state.grid || this.state.finding ? this.on.close() : this.on.back()),
      i: () => (this.bringing ? void this.bringing.open() : false),
      d: () => document.querySelector(".compare")?.click(),
      l: seen.toggle, b: () => fold(), p: () => (this.backdrops ? void this.backdrops.toggle() : false),
    };
  }
}

async function start() {
  place("work-grip").addEventListener("click", () => fold());
  if (innerWidth <= 760) fold(true);
  say(texts.plan.loading);
  try {
    const names = ["table", "offenders", ...DRAWN];
    const versions = await readVersions(), version = shownOf(versions);
    picker(place("made"), versions, version);
    const bringing = importing(versions, version);
    const [summary, ...layers] = await Promise.all([division("", version), ...names.map((name) => division(`/${name}`, version, DRAWN.includes(name) ? { get: load } : {}))]);
    say("");
    if (!version) place("made").textContent = summary.created_at ? fill(texts.plan.in_force, { date: date(summary.created_at) }) : "";
    window.planner = new Planner(summary, Object.fromEntries(names.map((name, at) => [name, layers[at]])), version, bringing); // for tests and the console
    await window.planner.open();
  } catch (error) {
    fail(error);
    throw error;
  }
}

start();
