// The planner page: what is picked, and who has to know of it.
import { ask } from "./api.js";
import * as address from "./address.js";
import { findingDetail, gridDetail } from "./detail.js";
import { date, el, fill, sign, texts } from "./dom.js";
import { listenKeys } from "./keys.js";
import { legend } from "./legend.js";
import { openMap } from "./map.js";
import { zoneList, zonePanel } from "./work.js";

const place = (id) => document.getElementById(id);

const division = (path) => ask(`/api/division${path}${location.search}`);

function say(text) {
  place("status").textContent = text;
}

function fail(error) {
  say("");
  place("work-body").replaceChildren(
    el("div.empty", {}, sign("hard"), el("h2", {}, texts.plan.failed), el("p", {}, error.message), el("button", { type: "button", onclick: () => location.reload() }, texts.plan.retry)),
  );
}

class Planner {
  constructor(summary, { grids, offenders, ...layers }) {
    this.summary = summary;
    this.layers = { grids, offenders, ...layers };
    this.state = address.read();
    this.zones = new Map(summary.zones.map((zone) => [zone.code, zone]));
    this.grids = new Map(grids.features.map((feature) => [feature.properties.code, feature]));
    this.findings = offenders.features.map((feature) => ({ ...feature.properties, id: String(feature.id), geometry: feature.geometry }));
    this.on = {
      zone: (code) => this.pick({ zone: code }, { go: true }),
      grid: (code, { go = false } = {}) => this.pick({ zone: code.slice(0, 12), grid: code }, { go }),
      finding: (id) => this.pickFinding(id),
      show: (show) => this.pick({ show }),
      back: () => this.pick({}, {}),
      close: () => this.pick({ zone: this.state.zone }),
      nothing: () => this.pick({ zone: undefined }),
      step: (by) => this.stepGrid(by),
    };
  }

  get zone() { return this.zones.get(this.state.zone); }
  get grid() { return this.grids.get(this.state.grid)?.properties; }
  get finding() { return this.findings.find(({ id }) => id === this.state.finding); }
  gridsOf(zone) { return this.layers.grids.features.map(({ properties }) => properties).filter((grid) => grid.zone === zone); }
  findingsOf(code) { return this.findings.filter((finding) => finding.code?.startsWith(code)); }

  pick(change, { go = false } = {}) {
    this.state = { show: this.state.show, ...change };
    address.write(this.state);
    this.draw();
    if (go) this.go();
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
    const shape = this.finding?.geometry ?? this.grids.get(this.state.grid)?.geometry;
    this.view?.fit(shape ? boundsOf(shape) : this.zone?.bounds);
  }

  draw() {
    const { state, on, zone, grid, finding } = this;
    if (zone) zonePanel(place("work-body"), { zone, grids: this.gridsOf(zone.code), findings: this.findingsOf(zone.code), state, on });
    else zoneList(place("work-body"), { summary: this.summary, state, on });
    place("work-body").querySelector('[aria-current="true"]')?.scrollIntoView({ block: "nearest" });
    const detail = place("detail");
    if (finding) findingDetail(detail, { finding, grid, on });
    else if (grid) gridDetail(detail, { grid, zone, range: this.summary.ranges[grid.kind], findings: this.findingsOf(grid.code), state, on });
    else detail.hidden = true;
    document.body.classList.toggle("has-detail", !detail.hidden);
    this.view?.mark({ zone: state.zone, grid: state.grid, offence: finding && { type: "Feature", properties: {}, geometry: finding.geometry } });
  }

  async open() {
    this.draw();
    const seen = legend(place("legend"), this.summary);
    listenKeys(this.keys(seen));
    addEventListener("hashchange", () => { this.state = address.read(); this.draw(); });
    address.write(this.state);
    const placed = address.hasPlace();
    try {
      this.view = openMap(place("map"), this.summary, this.on);
    } catch {
      return say(texts.plan.no_webgl);
    }
    await this.view.ready;
    this.view.show({ ...this.layers, offenders: this.findings });
    this.view.fineBorders((layer) => division(`/${layer}`));
    this.draw();
    if (!placed) this.go();
    return document.body.classList.add("drawn");
  }

  keys(seen) {
    const list = () => foldWork();
    return {
      "/": () => { if (this.zone) this.on.back(); place("find")?.focus(); },
      j: () => this.stepZone(1), k: () => this.stepZone(-1),
      "]": () => this.stepGrid(1), "[": () => this.stepGrid(-1),
      0: () => this.view?.whole(), "+": () => this.view?.map.zoomIn(), "-": () => this.view?.map.zoomOut(),
      Escape: () => (this.state.grid || this.state.finding ? this.on.close() : this.on.back()),
      l: seen.toggle, b: list,
    };
  }
}

function boundsOf(geometry) {
  const box = [Infinity, Infinity, -Infinity, -Infinity];
  const visit = (at) => {
    if (typeof at[0] !== "number") return at.forEach(visit);
    box[0] = Math.min(box[0], at[0]); box[1] = Math.min(box[1], at[1]);
    box[2] = Math.max(box[2], at[0]); box[3] = Math.max(box[3], at[1]);
  };
  visit(geometry.coordinates);
  return Number.isFinite(box[0]) ? box : undefined;
}

function foldWork() {
  const grip = place("work-grip"), open = document.body.classList.toggle("work-folded");
  grip.setAttribute("aria-expanded", String(!open));
}

async function start() {
  place("work-grip").addEventListener("click", foldWork);
  if (innerWidth <= 760) foldWork();
  say(texts.plan.loading);
  try {
    const names = ["zones", "grids", "borders", "offenders"];
    const [summary, ...layers] = await Promise.all([division(""), ...names.map((name) => division(`/${name}`))]);
    say("");
    place("made").textContent = summary.created_at ? fill(texts.plan.in_force, { date: date(summary.created_at) }) : "";
    window.planner = new Planner(summary, Object.fromEntries(names.map((name, at) => [name, layers[at]]))); // for tests and the console
    await window.planner.open();
  } catch (error) {
    fail(error);
    throw error;
  }
}

start();
