// A draft is edited: the tool in hand, what it has been told, what would come of it, and what came.
import { Draft, balance, zoneOf } from "./draft.js";
import { Drawing, snapper } from "./drawing.js";
import { BorderDrag } from "./border_drag.js";
import { boxOf } from "./boxes.js";
import { editMap } from "./edit_map.js";
import { card } from "./edit_card.js";
import { fill, texts } from "./dom.js";
import { Redivision } from "./redivision.js";
import { ribbon, shortCodes, told } from "./ribbon.js";
import { TOOLS, toolRow } from "./tools.js";

const blank = (kept = {}) => ({ atoms: [], codes: [], kind: "dedicated", micro: false, ...kept });
const SETTLE_MS = 180, WATCH_MS = 20_000, STEP_PX = 6, GRAB_PX = 7;
const place = (id) => document.getElementById(id);

export class Editor {
  constructor(planner, version) {
    this.planner = planner;
    this.draft = new Draft(version);
    this.tool = "look";
    this.form = blank();
    this.state = { rows: null };
    this.redivision = new Redivision(this);
    this.on = {
      tool: (name) => this.take(name),
      turn: (way) => this.turn(way),
      fill: (change) => this.fill(change),
      apply: () => this.apply(),
      clear: () => this.clear(),
      close: () => this.take("look"),
      catchUp: () => this.catchUp().then(() => this.ask()),
      place: (at) => this.planner.view?.map.easeTo({ center: at, zoom: Math.max(16, this.planner.view.map.getZoom()) }),
      edit: (edit) => this.show(edit),
      backTo: (edit) => this.backTo(edit),
      grid: (...given) => this.planner.on.grid(...given),
    };
    this.shownMs = []; // from the key to the drawn map, for tests and the console
  }

  // ---- opening
  async open(since) {
    document.body.classList.add("editing");
    this.row = toolRow(place("tools"), { on: this.on });
    const { fresh, changes } = await this.draft.catchUp(since);
    if (changes.length) this.redraw(changes);
    await this.openZone();
    this.drawAll();
    this.lookAgain(fresh.flatMap(({ codes }) => codes.map(zoneOf)));
    this.redivision.resume().catch(() => {}); // the draft is edited without it
    this.watch = setInterval(() => document.visibilityState === "visible" && !this.busy && this.catchUp().catch(() => {}), WATCH_MS);
  }

  onMap(view) {
    this.map = view.map;
    this.listen();
    this.layOut();
    this.drawMap();
  }

  // The layers of what is edited come with the first zone that is opened.
  layOut() {
    if (!this.map || this.layers || !this.draft.zones.size) return;
    this.layers = editMap(this.map, this.planner.summary.strokes);
    const all = [...this.draft.zones.values()];
    for (const name of ["atoms", "microgrids", "borders"]) this.layers.change({ [name]: { gone: [], come: all.flatMap((zone) => [...zone[name].values()]) } });
    this.planner.hideLines([...this.draft.zones.keys()]);
  }

  async openZone() {
    const { zone } = this.planner.state;
    if (!zone || this.draft.zones.has(zone) || !this.planner.zones.has(zone)) return;
    const change = await this.draft.open(zone);
    if (change) this.redraw([change]);
    this.drawAll();
  }

  get zone() { return this.draft.zones.get(this.planner.state.zone); }
  get grids() { return this.zone ? [...this.zone.grids.values()].map(({ properties }) => properties).sort((one, two) => (one.code < two.code ? -1 : 1)) : []; }

  // ---- the tool in hand
  take(name) {
    if (name === this.tool && name !== "look") name = "look";
    const grid = this.planner.state.grid;
    this.tool = name;
    this.form = blank(grid ? { to: name === "give" ? grid : undefined, code: grid, one: grid, codes: name === "merge" ? [grid] : [] } : {});
    this.drawing = TOOLS[name].draws ? new Drawing(TOOLS[name].draws === "area") : null;
    this.state = { rows: null };
    this.refresh();
    this.map?.doubleClickZoom[this.drawing ? "disable" : "enable"]();
    if (name !== "look") place("edit").querySelector(TOOLS[name].slow ? ".card-buttons button" : "select, input, textarea")?.focus({ preventScroll: true });
  }

  // Whether a click on a grid is the tool's, and not that of the panels.
  takes(code) {
    if (this.drawing && this.form.code === undefined && this.tool === "split") { this.fill({ code }); return true; }
    if (this.drawing) return true;
    if (zoneOf(code) !== this.planner.state.zone) return false;
    if (this.tool === "give") { if (!this.form.to) this.fill({ to: code }); return true; }
    if (this.tool === "merge") { this.fill({ codes: this.form.codes.includes(code) ? this.form.codes.filter((one) => one !== code) : [...this.form.codes, code] }); return true; }
    if (this.tool === "lock" || this.tool === "rename") { this.fill({ one: code }); return true; }
    if (this.tool === "redivide") { this.fill({ scope: code }); return true; }
    return false;
  }

  fill(change) {
    if ("to" in change && change.to !== this.form.to) change.atoms = this.form.atoms.filter((id) => this.draft.atom(id)?.grid !== change.to);
    Object.assign(this.form, change);
    for (const key of ["line", "area"]) if (key in change && this.drawing) { this.drawing.clear(); for (const at of change[key] ?? []) this.drawing.add({ at }); }
    this.changed();
  }

  // The form changed: what it does is told at once as far as it is known here, then as the server says.
  changed() {
    this.state = { rows: this.tool === "give" ? balance(this.draft, this.form.atoms, this.form.to) : null, wrong: this.form.wrong };
    this.refresh();
    clearTimeout(this.settling);
    if (!TOOLS[this.tool].slow) this.settling = setTimeout(() => this.ask(), SETTLE_MS);
  }

  get asked() {
    const form = { ...this.form, locked: this.form.one && this.isLocked(), scope: this.form.scope ?? this.planner.state.zone };
    return TOOLS[this.tool].ask?.(form) || null;
  }

  isLocked() {
    const { one, beside } = this.form;
    if (!beside) return this.draft.isLocked(one);
    return Boolean(this.zone?.locks.borders.some((pair) => pair.includes(one) && pair.includes(beside)));
  }

  async ask() {
    const asked = this.asked, turn = (this.turnOfAsking = (this.turnOfAsking ?? 0) + 1);
    if (!asked) return;
    this.state = { ...this.state, asking: true, refused: null, conflict: null };
    this.drawCard();
    try {
      const answer = await this.draft.edit(...asked, { dry: true });
      if (turn !== this.turnOfAsking) return;
      if (answer.refused) this.state = { ...this.state, asking: false, refused: answer.refused };
      else this.state = { rows: answer.rows, moved: answer.moved_households, notices: answer.notices, would: answer.changed, sure: true };
    } catch (error) {
      if (turn === this.turnOfAsking) this.state = { ...this.state, asking: false, ...refusal(error) };
    }
    if (turn === this.turnOfAsking) this.refresh();
  }

  // ---- applying
  async apply() {
    const asked = this.asked;
    if (!asked || this.busy) return;
    if (TOOLS[this.tool].slow) { if (!this.redivision.task) await this.during(() => this.redivision.begin(asked[1])); return; }
    clearTimeout(this.settling);
    this.turnOfAsking = (this.turnOfAsking ?? 0) + 1;
    // what the server has checked is drawn at once, and read again where it is refused after all
    const shown = this.state.sure && !this.reshapes(this.state.would) ? this.state.would : null;
    await this.during(async () => {
      if (shown) this.measure(this.redraw([this.draft.take(shown)], shown));
      let answer;
      try {
        answer = await this.draft.edit(...asked);
      } catch (error) {
        if (shown) this.redraw(await Promise.all([...new Set(shown.codes.map(zoneOf))].map((zone) => this.draft.read(zone))));
        throw error;
      }
      this.form = blank({ to: this.tool === "give" ? this.form.to : undefined });
      this.drawing?.clear();
      this.cursor = null;
      this.state = { rows: null, kept: answer.number === null ? texts.edit.nothing_changed : fill(texts.edit.kept_as, { n: answer.number }) };
      if (answer.number !== null) await this.came(answer.number, answer.changed, shown);
    });
  }

  async turn(way) {
    if (this.busy || !this.draft.mine[way === "undo" ? "done" : "undone"].length) return;
    await this.during(async () => {
      const { number, entry, changed } = await this.draft.turn(way);
      this.state = { ...this.state, rows: null, kept: fill(texts.edit[`${way}_done`], { n: entry.undoes, codes: shortCodes(entry.codes) }) };
      await this.came(number, changed);
    });
  }

  async backTo(edit) {
    for (let left = this.stepsTo(edit); left > 0 && !this.state.refused && !this.state.conflict; left--) await this.turn("undo");
  }

  // How many of one's own edits are to be taken back until one is; none where it is not one's own.
  stepsTo({ number }) {
    const { done } = this.draft.mine;
    return done.includes(number) ? done.length - done.indexOf(number) : 0;
  }

  async during(work) {
    this.busy = true;
    this.begun = performance.now();
    this.state = { ...this.state, refused: null, conflict: null, kept: null };
    this.drawCard();
    try {
      await work();
    } catch (error) {
      this.state = { ...this.state, ...refusal(error) };
      if (!error.status) throw error;
    } finally {
      this.busy = false;
      this.refresh();
    }
  }

  // An edit is in the store: what it changed is drawn, and nothing else.
  async came(number, changed, shown) {
    if (!changed || this.reshapes(changed)) return location.reload();
    const drawn = shown && shown.codes.join() === changed.codes.join();
    if (number === this.draft.seen + 1) {
      const done = drawn ? null : this.redraw([this.draft.take(changed)], changed);
      this.draft.seen = number;
      if (!shown) this.measure(done);
      await this.draft.readLog();
    } else {
      await this.catchUp();
    }
    this.lookAgain(changed.codes.map(zoneOf));
  }

  // Whether zones came or went: then all is read anew.
  reshapes({ codes, zones }) {
    const there = new Set(zones.map(({ code }) => code));
    return codes.some((code) => !this.planner.zones.has(zoneOf(code)) || !there.has(zoneOf(code)));
  }

  // How long it took until the map showed it.
  async measure(drawn) {
    const { begun } = this;
    await drawn;
    const took = () => this.shownMs.push(Math.round(performance.now() - begun));
    if (!this.map) return took();
    this.map.once("render", () => requestAnimationFrame(took));
    return this.map.triggerRepaint();
  }

  async catchUp() {
    const { fresh, changes } = await this.draft.catchUp();
    const others = fresh.filter(({ mine }) => !mine);
    if (fresh.length) { this.redraw(changes); this.lookAgain(fresh.flatMap(({ codes }) => codes.map(zoneOf))); }
    this.form.atoms = this.form.atoms.filter((id) => this.draft.atom(id));
    if (others.length) this.state = { ...this.state, conflict: null, others: others.map(told) };
    this.refresh();
  }

  // What the rules find now in zones that changed; it comes after the map.
  async lookAgain(zones) {
    for (const zone of new Set(zones)) {
      try { this.planner.takeFindings(zone, (await this.draft.findings(zone)).features); } catch { /* the list stays as it was */ }
    }
    this.drawMap();
  }

  show(edit) {
    this.shownEdit = this.shownEdit === edit.number ? null : edit.number;
    const code = edit.codes.find((one) => this.planner.grids.has(one));
    if (this.shownEdit && code) this.planner.on.grid(code, { go: true });
    this.refresh();
  }

  clear() {
    if (this.form.dragged) { this.drawing.clear(); this.form = blank(); return this.changed(); }
    if (this.drawing?.corners.length) { this.drawing.back(); return this.drawn(); }
    if (this.form.atoms.length || this.state.rows || this.state.refused) { this.form = blank({ to: this.form.to }); return this.changed(); }
    return this.take("look");
  }

  // ---- drawing
  redraw(changes, changed) {
    // the page may have grids of a zone that are not there any more, of before its last edits
    const grids = ({ whole, grids: { gone, come } }) => ({ gone: whole ? [...gone, ...this.planner.gridsOf(whole).map(({ code }) => code)] : gone, come });
    const done = changes.flatMap((change) => [this.layers?.change(change), this.planner.takeGrids(grids(change))]);
    if (!this.layers) this.layOut();
    else if (!changed) this.planner.hideLines([...this.draft.zones.keys()]);
    return Promise.all(done);
  }

  refresh() {
    this.drawCard();
    document.body.classList.toggle("has-card", !place("edit").hidden);
    this.drawMap();
    const { done, undone } = this.draft.mine;
    this.row?.mark(this.tool, { mayUndo: done.length > 0 && !this.busy, mayRedo: undone.length > 0 && !this.busy });
    if (this.row) ribbon(place("ribbon"), { edits: this.draft.edits, picked: this.shownEdit, work: this.redivision.chip(), on: this.on });
  }

  drawAll() { this.refresh(); this.planner.draw(); }

  drawCard() { card(place("edit"), this); }

  // Atoms that would have another grid, as the server says.
  get wouldMove() { return (this.state.would?.atoms ?? []).map(({ properties }) => properties).filter(({ id, grid }) => this.draft.atom(id) && this.draft.atom(id).grid !== grid).map(({ id }) => id); }

  drawMap() {
    if (!this.layers) return;
    const { layers, state, form } = this;
    layers.mark(new Set({ give: form.atoms, split_atom: form.atom ? [form.atom] : [], redivide: this.redivision.moved, border: this.wouldMove }[this.tool] ?? []));
    layers.would(this.tool === "give" || !state.would ? [] : state.would.borders.filter(({ properties }) => properties.level === "grid"));
    layers.refused((state.refused ?? []).map(({ at }) => at).filter(Boolean));
    layers.drawing(Boolean(this.drawing));
    layers.draw(this.drawing ? this.drawing.points : [], this.cursor);
    const locks = [...this.draft.zones.values()].flatMap((zone) => zone.locks.grids.map((code) => zone.grids.get(code)).filter(Boolean));
    layers.locks(locks.map(({ geometry }) => { const [w, s, e, n] = boxOf(geometry); return [(w + e) / 2, (s + n) / 2]; }));
    if (this.linesOf !== this.zone) { this.linesOf = this.zone; layers.lines(this.zone?.lines ?? []); this.snap = null; }
    this.map.dragPan[this.tool === "give" && form.to ? "disable" : "enable"]();
  }

  listen() {
    const { map } = this;
    map.on("mousedown", (event) => this.tool === "give" && event.originalEvent.button === 0 && this.brush(event));
    map.on("touchstart", (event) => this.tool === "give" && event.points.length === 1 && this.brush(event));
    map.on("mousedown", (event) => this.tool === "border" && event.originalEvent.button === 0 && this.grab(event));
    map.on("touchstart", (event) => this.tool === "border" && event.points.length === 1 && this.grab(event));
    for (const name of ["mousemove", "touchmove"]) map.on(name, (event) => this.move(event));
    for (const name of ["mouseup", "touchend"]) map.on(name, () => { this.brushed(); this.letGo(); });
    addEventListener("pointerup", () => { this.brushed(); this.letGo(); });
    map.on("click", ({ point }) => this.corner(point));
    map.on("dblclick", () => this.drawing && this.apply());
  }

  snapped(point) {
    this.snap ??= snapper(this.map, this.zone?.lines ?? [], this.zone ? [...this.zone.atoms.values()] : []);
    return this.snap(point) ?? { at: this.map.unproject(point).toArray() };
  }

  corner(point) {
    if (!this.drawing || !this.zone) return;
    if (this.tool === "split" && !this.form.code) return;
    if (this.tool === "split_atom" && !this.form.atom) { this.fill({ atom: this.layers?.atomsAt([point.x, point.y])[0] }); return; }
    this.drawing.add(this.snapped(point));
    this.drawn();
  }

  drawn() {
    this.form.dragged = false;
    const points = this.drawing.points, least = this.drawing.closed ? 3 : 2;
    this.form[this.drawing.closed ? "area" : "line"] = points.length >= least ? points : undefined;
    this.changed();
  }

  move({ point }) {
    if (this.stroke) return this.paint(point);
    if (this.drag) return this.pull(point);
    if (!this.drawing || !this.zone) { this.cursor = null; return; }
    if (this.tool === "border" && !this.drawing.corners.length && this.borderAt(point)) this.map.getCanvas().style.cursor = "grab";
    this.cursor = this.snapped(point);
    this.layers?.draw(this.drawing.with(this.cursor), this.cursor);
  }

  // ---- a border that is dragged
  grab(event) {
    const found = this.borderAt(event.point);
    if (!found) return;
    const { first, second } = found.properties;
    const drag = new BorderDrag(this.map, found, [...this.zone.atoms.values()].filter(({ properties: { grid } }) => grid === first || grid === second), event.point);
    if (!drag.may) return;
    event.preventDefault(); // the map stays where it is
    this.drag = drag;
  }

  borderAt({ x, y }) { return this.zone?.borders.get(this.layers?.borderAt([[x - GRAB_PX, y - GRAB_PX], [x + GRAB_PX, y + GRAB_PX]])); }

  pull(point) {
    const line = this.drag.through(point);
    if (!line) return;
    this.drag.line = line;
    this.cursor = null;
    this.layers.draw(line, null);
  }

  // Let go of, the line is that of the form: what it does is looked at, and applied as any other.
  letGo() {
    const { line, pair } = this.drag ?? {};
    this.drag = null;
    if (line) this.fill({ ...pair, line, dragged: true });
  }

  // ---- the brush
  brush({ point, preventDefault }) {
    const { to } = this.form;
    if (!to || !this.zone) return;
    const [first] = this.layers.atomsAt([point.x, point.y]);
    if (!first) return;
    this.stroke = { adds: !this.form.atoms.includes(first), last: point };
    this.paint(point);
  }

  paint(point) {
    const { stroke } = this, ids = new Set(this.form.atoms), steps = Math.max(1, Math.ceil(Math.hypot(point.x - stroke.last.x, point.y - stroke.last.y) / STEP_PX));
    for (let step = 1; step <= steps; step++) {
      const x = stroke.last.x + ((point.x - stroke.last.x) * step) / steps, y = stroke.last.y + ((point.y - stroke.last.y) * step) / steps;
      for (const id of this.layers.atomsAt([x, y])) if (this.mayBrush(id)) ids[stroke.adds ? "add" : "delete"](id);
    }
    stroke.last = point;
    if (ids.size === this.form.atoms.length) return;
    this.form.atoms = [...ids];
    this.changed();
  }

  // Only atoms of the zone, not those of the grid itself; where a neighbour is picked, of that one alone; none of a locked grid.
  mayBrush(id) {
    const atom = this.zone.atoms.get(id)?.properties, { to, from } = this.form;
    return Boolean(atom) && atom.grid !== to && (!from || atom.grid === from || !atom.grid) && !this.draft.isLocked(atom.grid ?? to);
  }

  brushed() { this.stroke = null; }

  keys() {
    const tools = Object.fromEntries(Object.entries(TOOLS).map(([name, { key }]) => [key, () => this.take(name)]));
    return { ...tools, Enter: () => this.apply(), Backspace: () => (this.drawing ? this.clear() : this.tool === "redivide" && this.redivision.works && this.redivision.cancel()) };
  }
}

function refusal(error) {
  if (error.status === 409) return { conflict: { message: error.message, others: (error.details ?? []).map(told) }, rows: null };
  return { refused: error.details?.length ? error.details : [{ problem: error.message }], would: null };
}
