// Scans behind the planner's map: sent, laid by control points that are clicked in the picture and on the map, or written.
import { address, ask, change, told, upload } from "./api.js";
import { boxOf } from "./boxes.js";
import { el, fill, number, svg, texts } from "./dom.js";
import { NOTHING, collection, label } from "./layers.js";

const T = texts.backdrop, KEY = "gridgis-backdrop", SOURCE = "backdrop", MARKS = "backdrop-points";
const METRES = new Intl.NumberFormat(texts.language, { maximumFractionDigits: 1 });
const kept = () => { try { return JSON.parse(localStorage.getItem(KEY)) ?? {}; } catch { return {}; } };
const keep = (shown) => { try { localStorage.setItem(KEY, JSON.stringify(shown)); } catch { /* for this page alone */ } };

export class Backdrops {
  constructor(map, place, under) {
    Object.assign(this, { map, under, all: [], shown: { opacity: 0.7, ...kept() }, points: [] });
    this.panel = el("section.scans", { hidden: true, "aria-label": T.title, onkeydown: (event) => { if (event.key === "Escape") { event.stopPropagation(); this.toggle(false); } } });
    place.append(this.panel);
    // a click on the map is the place of the point in hand, and nobody else's
    place.addEventListener("click", (event) => this.placed(event), { capture: true });
    map.addControl({
      onAdd: () => {
        this.button = el("button.base-button", { type: "button", title: T.title, "aria-label": T.title, "aria-expanded": "false", "aria-keyshortcuts": "p", onclick: () => this.toggle() },
          svg("svg", { viewBox: "0 0 20 20", width: 18, height: 18, "aria-hidden": "true" }, svg("path", { d: "M3 4h14v12H3zM3 13l4-4 3 3 3-4 4 5" })));
        return el("div.maplibregl-ctrl.maplibregl-ctrl-group", {}, this.button);
      },
      onRemove: () => {},
    }, "top-left");
    if (this.shown.id) this.read().then(() => this.draw()).catch(() => {});
  }

  get one() { return this.all.find(({ id }) => id === this.shown.id); }

  async read() {
    const { backdrops, may_lay: mayLay } = await ask("/api/backdrops");
    Object.assign(this, { all: backdrops, mayLay });
  }

  async toggle(open = this.panel.hidden) {
    this.panel.hidden = !open;
    this.button.setAttribute("aria-expanded", String(open));
    if (!open) { this.points = []; this.active = undefined; this.mark(); return this.button.focus(); }
    await this.trying(() => this.read());
    this.write();
    return this.panel.querySelector("select, input, button")?.focus();
  }

  // What the server refuses is said in the panel.
  async trying(work) {
    this.said = "";
    try { await work(); } catch (error) { this.said = error.details?.map?.(({ problem, cure }) => fill(texts.edit.fault, { problem, cure })).join(" ") || error.message; }
  }

  show(change) {
    Object.assign(this.shown, change);
    keep(this.shown);
    this.draw();
    if (this.one?.corners) this.go(boxOf({ type: "Polygon", coordinates: [this.one.corners] }));
  }

  // ---- the map
  // A scan that lies out of sight is gone to.
  go([west, south, east, north]) {
    const [left, bottom, right, top] = this.map.getBounds().toArray().flat();
    if (west > right || east < left || south > top || north < bottom) this.map.fitBounds([west, south, east, north], { padding: 40, animate: false });
  }

  draw() {
    const { map, one, shown } = this;
    if (map.getLayer(SOURCE)) { map.removeLayer(SOURCE); map.removeSource(SOURCE); }
    map.base.fade(Boolean(one?.corners));
    if (!one?.corners) return;
    map.addSource(SOURCE, { type: "image", url: address(`/api/backdrops/${one.id}/picture.jpg`), coordinates: one.corners });
    map.addLayer({ id: SOURCE, source: SOURCE, type: "raster", paint: { "raster-opacity": shown.opacity, "raster-fade-duration": 0 } }, this.under);
  }

  mark() {
    const { map } = this, features = this.points.map((point, k) => ({ point, k })).filter(({ point }) => point.lon !== undefined)
      .map(({ point, k }) => ({ type: "Feature", properties: { name: String(k + 1) }, geometry: { type: "Point", coordinates: [point.lon, point.lat] } }));
    if (!map.getSource(MARKS)) {
      map.addSource(MARKS, { type: "geojson", data: NOTHING });
      map.addLayer({ id: MARKS, source: MARKS, type: "circle", paint: { "circle-radius": 9, "circle-color": "#b8430f", "circle-stroke-color": "#ffffff", "circle-stroke-width": 2 } });
      map.addLayer(label(`${MARKS}-names`, MARKS, { layout: { "text-size": 12, "text-allow-overlap": true, "text-ignore-placement": true }, paint: { "text-color": "#ffffff", "text-halo-width": 0 } }));
    }
    map.getSource(MARKS).setData(collection(features));
  }

  placed(event) {
    const point = this.points[this.active], canvas = this.map.getCanvas();
    if (this.panel.hidden || !point || event.target !== canvas) return;
    event.stopPropagation();
    const box = canvas.getBoundingClientRect(), { lng, lat } = this.map.unproject([event.clientX - box.x, event.clientY - box.y]);
    Object.assign(point, { lon: Number(lng.toFixed(6)), lat: Number(lat.toFixed(6)) });
    this.active = undefined;
    this.write();
  }

  // ---- the panel
  write() {
    const { all, one, shown, mayLay, said } = this;
    const pick = el("select", { "aria-label": T.shown, onchange: () => { this.points = []; this.show({ id: pick.value || undefined }); this.write(); } },
      [["", T.none], ...all.map(({ id, name, corners }) => [id, corners ? name : `${name} (${T.not_laid})`])].map(([value, text]) => el("option", { value, selected: value === (one?.id ?? "") }, text)));
    const opacity = el("input", { type: "range", min: 0, max: 100, value: Math.round(shown.opacity * 100), oninput: () => {
      this.shown.opacity = opacity.value / 100;
      if (this.map.getLayer(SOURCE)) this.map.setPaintProperty(SOURCE, "raster-opacity", this.shown.opacity);
      keep(this.shown);
    } });
    const file = el("input", { type: "file", hidden: true, accept: "image/png,image/jpeg", onchange: () => file.files[0] && this.send(file.files[0]) });
    this.panel.replaceChildren(
      el("div.scans-head", {}, el("h2", {}, T.title), el("button.plain", { type: "button", "aria-label": texts.plan.close, onclick: () => this.toggle(false) }, "×")),
      el("label.field", {}, T.shown, pick),
      one?.corners ? el("label.field", {}, T.opacity, opacity) : "",
      mayLay ? el("p", {}, el("button.second", { type: "button", onclick: () => file.click() }, T.add), file) : "",
      said ? el("p.refusal", { role: "alert" }, said) : "",
      one && mayLay ? this.laying(one) : el("p.quiet", {}, all.length ? T.hint : T.begin),
    );
    this.mark();
  }

  laying(one) {
    if (!this.points.length && one.points.length) this.points = one.points.map((point, k) => ({ ...point, off: one.off_m[k] }));
    const { points } = this;
    const value = (k, name, label) => el("input", { type: "number", step: "any", "aria-label": `${k + 1} ${label}`, value: points[k][name] ?? "", onchange: ({ target }) => { points[k][name] = target.value === "" ? undefined : Number(target.value); this.mark(); } });
    const row = (point, k) => el("tr", k === this.active ? { className: "on" } : {},
      el("th", { scope: "row" }, String(k + 1)), ...["x", "y", "lon", "lat"].map((name) => el("td", {}, value(k, name, T[name]))), el("td.off", {}, point.off === undefined ? "" : METRES.format(point.off)),
      el("td", {}, el("button.plain", { type: "button", title: T.on_map, "aria-label": `${k + 1} ${T.on_map}`, onclick: () => { this.active = k; this.write(); } }, "◎"), el("button.plain", { type: "button", title: T.remove, "aria-label": `${k + 1} ${T.remove}`, onclick: () => { points.splice(k, 1); this.write(); } }, "×")));
    const whole = points.filter(({ x, y, lon, lat }) => [x, y, lon, lat].every(Number.isFinite)).length;
    const hint = this.active !== undefined ? fill(T.click_map, { n: this.active + 1 }) : whole < 3 ? fill(T.click_picture, { n: number(3 - whole) }) : T.more;
    return el("div.laying", {},
      el("p.quiet", { role: "status" }, hint), this.picture(one),
      el("div.points", {}, el("table", {}, el("thead", {}, el("tr", {}, ["", T.x, T.y, T.lon, T.lat, T.off, ""].map((text) => el("th", { scope: "col" }, text)))), el("tbody", {}, points.map(row)))),
      el("button.link", { type: "button", onclick: () => { points.push({}); this.write(); } }, T.write_point),
      one.corners ? el("p", {}, one.points.length > 3 ? fill(T.rms, { m: METRES.format(one.rms_m) }) : T.no_check) : "",
      el("div.card-buttons", {}, el("button.main", { type: "button", disabled: whole < 3, onclick: () => this.lay(one) }, T.lay), el("button.second", { type: "button", onclick: () => this.remove(one) }, T.delete)),
    );
  }

  // The picture, on which a click is the pixel of a new point.
  picture(one) {
    const image = el("img", { src: `${told.root}/api/backdrops/${one.id}/picture.jpg`, alt: one.name, onclick: ({ offsetX, offsetY }) => {
      const scale = one.width / image.clientWidth;
      this.points.push({ x: Math.round(offsetX * scale), y: Math.round(offsetY * scale) });
      this.active = this.points.length - 1;
      this.write();
    } });
    const marks = svg("svg", { viewBox: `0 0 ${one.width} ${one.height}`, "aria-hidden": "true" }, ...this.points.flatMap(({ x, y }, k) => (Number.isFinite(x) && Number.isFinite(y) ? [svg("circle", { cx: x, cy: y, r: one.width / 60 }), svg("text", { x, y, "font-size": one.width / 45, "text-anchor": "middle", "dominant-baseline": "central" }, String(k + 1))] : [])));
    return el("div.scan", {}, image, marks);
  }

  // ---- what is asked of the server
  async send(file) {
    const form = new FormData();
    form.append("file", file);
    this.said = T.sending;
    this.write();
    await this.trying(async () => {
      const made = await upload("/api/backdrops", form);
      await this.read();
      this.points = [];
      this.show({ id: made.id });
    });
    this.write();
  }

  async lay(one) {
    const points = this.points.map(({ x, y, lon, lat }) => ({ x, y, lon, lat })).filter((point) => Object.values(point).every(Number.isFinite));
    await this.trying(async () => {
      await change(`/api/backdrops/${one.id}`, { points }, "PUT");
      await this.read();
      this.points = [];
      this.show({ id: one.id });
    });
    this.write();
  }

  async remove(one) {
    if (!confirm(fill(T.sure, { name: one.name }))) return;
    await this.trying(async () => {
      await change(`/api/backdrops/${one.id}`, undefined, "DELETE");
      await this.read();
      this.points = [];
      this.show({ id: undefined });
    });
    this.write();
  }
}
