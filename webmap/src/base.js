// The one way to open a map, and what lies under it on every page: our own streets with their names, water, buildings and the
// zones around, as vector tiles; or a picture of somebody else's map; or nothing.
import { AttributionControl, Map as MapLibre, NavigationControl, ScaleControl, setWorkerUrl } from "maplibre-gl";
import { ask, told } from "./api.js";
import { choices, choose, chosen, listen } from "./base_choice.js";
import { el, svg, texts } from "./dom.js";
import { FONT, is, line, label, of, wider } from "./layers.js";

setWorkerUrl(new URL("./maplibre-gl-worker.mjs", import.meta.url).href);

const GROUND = { id: "ground", type: "background", paint: { "background-color": "#f1efea" } };
export const LAND = "#fbfaf7";
const AGAIN_MS = 10_000, TRIES = 6;
// What is filled lets the base through, a little of our own, so that colours stay those of the legend, which is drawn the
// stronger there.
const SEEN_THROUGH = { own: ["interpolate", ["linear"], ["zoom"], 12, 0.95, 15, 0.82], picture: 0.55, none: 1 };
const QUIET = { water: "#d3dde2", building: "#dfdbd1", rail: "#a9a59a", edge: "#c9c4b8", street: "#ffffff" };
const STRONG = { water: "#9db6c2", building: "#bdb6a6", rail: "#7f7b71", edge: "#8d887c", street: "#ffffff" };

const byGroup = (main, street, lane) => ["match", ["get", "group"], "main", main, "street", street, lane];
const STREETS = { ...of("streets"), layout: { "line-sort-key": byGroup(3, 2, 1) } };
const shape = (kind) => ["==", ["geometry-type"], kind];

const own = ({ water, building, rail, edge, street }) => [
  { id: "base-water", source: "base", ...of("water"), type: "fill", filter: shape("Polygon"), paint: { "fill-color": water } },
  line("base-rivers", "base", water, wider(10, 1.5, 16, 14), { ...of("water"), filter: shape("LineString") }),
  { id: "base-buildings", source: "base", ...of("buildings"), type: "fill", minzoom: 14, paint: { "fill-color": building } },
  line("base-rails", "base", rail, wider(10, 0.8, 16, 2.5), { ...of("rails"), layout: { "line-cap": "butt" }, paint: { "line-dasharray": [4, 2] } }),
  line("base-street-edges", "base", edge, wider(9, byGroup(1.2, 0, 0), 13, byGroup(3.4, 2, 1), 17, byGroup(15, 9.5, 5)), STREETS),
  line("base-streets", "base", street, wider(9, byGroup(0.4, 0, 0), 13, byGroup(2, 0.9, 0.3), 17, byGroup(13, 8, 3.8)), STREETS),
];
const NAMES = label("base-names", "base", {
  ...of("streets"), minzoom: 13, filter: ["all", ["!=", ["get", "name"], ""], ["step", ["zoom"], is("group", "main"), 14.5, ["!=", ["get", "group"], "lane"], 16, true]],
  layout: { "symbol-placement": "line", "text-size": wider(13, 10.5, 17, 13), "symbol-spacing": 300, "symbol-sort-key": byGroup(1, 2, 3) },
  paint: { "text-color": "#6a665d", "text-halo-width": 1.3 },
});
const AROUND = [
  { id: "base-land", source: "base-zones", ...of("zones"), type: "fill", paint: { "fill-color": LAND } },
  line("base-zones", "base-zones", "#b5b0a4", wider(9, 0.5, 14, 1.4), { ...of("borders"), filter: is("level", "zone") }),
];
const PICTURES = (told.base?.picture?.layers ?? []).map((_, k) => ({ id: `base-picture-${k}`, source: `base-picture-${k}`, type: "raster", paint: { "raster-fade-duration": 0, "raster-saturation": -0.6, "raster-contrast": -0.1 } }));

// Where tiles of ours are, and what they cover; a map that is being drawn is asked for again.
export async function vector(kind, tries = TRIES) {
  try {
    const { tiles: [one], minzoom, maxzoom, bounds, vector_layers: layers } = await ask(`/tiles/${kind}.json`);
    const path = one.slice(one.indexOf("/tiles/")).replace(/%7B/g, "{").replace(/%7D/g, "}");
    return { bounds, empty: !layers.length, source: { type: "vector", tiles: [`${location.origin}${told.root}${path}`], minzoom, maxzoom, ...(bounds ? { bounds } : {}) } };
  } catch (error) {
    if (error.status !== 503 || tries <= 1) throw error;
    await new Promise((later) => setTimeout(later, AGAIN_MS));
    return vector(kind, tries - 1);
  }
}

// layers: the page's own, from below; `under` is the first above the base, `names` the first above the names of streets.
// fills: ids of layers that the base is seen through. corner: of the buttons, none without it.
export function openBase(container, { sources, layers, under, names, fills = [], corner = "top-left", ...options }) {
  const map = new MapLibre({
    container, locale: texts.maplibre, attributionControl: false, dragRotate: false, pitchWithRotate: false, touchPitch: false,
    maxZoom: 20, fadeDuration: 0, localIdeographFontFamily: FONT.join(", "), ...options,
    style: { version: 8, sources, layers: [GROUND, ...layers], transition: { duration: 0, delay: 0 } },
  });
  map.touchZoomRotate.disableRotation();
  if (corner) {
    map.addControl(new NavigationControl({ showCompass: false }), corner);
    if (choices.length > 1) map.addControl(new Switch(), corner);
    map.addControl(new ScaleControl({ maxWidth: 110 }), "bottom-left");
    map.addControl(new AttributionControl({ compact: false, customAttribution: "MapLibre" }), "bottom-right");
  }
  const base = new Base(map, { under, names, fills, first: layers[0].id });
  map.base = base; // for what else lies under it
  map.once("load", () => base.show(chosen));
  map.once("remove", listen((name) => base.show(name)));
  return map;
}

// The layers under a map; those of a choice are made when it is first chosen.
class Base {
  constructor(map, places) {
    Object.assign(this, { map, places, made: {}, name: chosen, under: "none" });
  }

  async show(name) {
    this.name = name;
    const lies = name !== "none" && (await (this.made[name] ??= this[name]()).catch(() => void (this.made[name] = undefined)));
    if (name !== this.name || !this.map.style) return; // another was chosen, or the map closed, meanwhile
    this.under = lies ? name : "none";
    this.fade();
    for (const [one, ids] of Object.entries(this.ids)) for (const id of ids) if (this.map.getLayer(id)) this.map.setLayoutProperty(id, "visibility", one === name ? "visible" : "none");
  }

  // A scan under the map is seen through it as another map is; where nothing lies there, nothing is seen through.
  fade(scan = this.scan) {
    this.scan = scan;
    for (const id of this.places.fills) this.map.setPaintProperty(id, `${this.map.getLayer(id).type}-opacity`, SEEN_THROUGH[scan ? "picture" : this.under]);
  }

  ids = { own: [...own(QUIET), ...AROUND, NAMES].map(({ id }) => id), picture: PICTURES.map(({ id }) => id) };

  async own() {
    const { map, places } = this;
    const [base, zones] = await Promise.all([vector("base"), vector("grids").catch(() => ({ empty: true }))]);
    if (!map.style) return false; // closed meanwhile
    if (!zones.empty) {
      map.addSource("base-zones", zones.source);
      for (const layer of AROUND) map.addLayer(layer, places.first);
    }
    if (base.empty) return false;
    map.addSource("base", { ...base.source, attribution: told.base.own_attribution });
    for (const layer of own(places.fills.length ? STRONG : QUIET)) map.addLayer(layer, places.under);
    map.addLayer(NAMES, places.names);
    return true;
  }

  async picture() {
    const { layers, attribution, max_zoom: maxzoom, tile_px: tileSize } = told.base.picture;
    for (const [k, layer] of PICTURES.entries()) {
      this.map.addSource(layer.source, { type: "raster", tiles: layers[k], tileSize, maxzoom, ...(k ? {} : { attribution }) });
      this.map.addLayer(layer, this.places.under);
    }
    return true;
  }
}

// A button on the map with the choices behind it.
class Switch {
  onAdd() {
    const T = texts.base, name = `base-${(Switch.number = (Switch.number ?? 0) + 1)}`;
    const radio = (one) => el("label", {}, el("input", { type: "radio", name, value: one, checked: one === chosen, onchange: () => choose(one) }), el("span", {}, T[one]));
    const list = el("fieldset.base-choices", { hidden: true }, el("legend", {}, T.pick), choices.map(radio));
    const open = (yes) => { list.hidden = !yes; button.setAttribute("aria-expanded", String(yes)); };
    const button = el("button.base-button", { type: "button", title: T.pick, "aria-label": T.pick, "aria-expanded": "false", "aria-keyshortcuts": "g", onclick: () => open(list.hidden) },
      svg("svg", { viewBox: "0 0 20 20", width: 18, height: 18, "aria-hidden": "true" }, svg("path", { d: "M10 3l8 4-8 4-8-4zM2 10.5l8 4 8-4M2 14l8 4 8-4" })));
    this.made = el("div.maplibregl-ctrl.maplibregl-ctrl-group.base-switch", { onkeydown: (event) => { if (event.key === "Escape" && !list.hidden) { event.stopPropagation(); open(false); button.focus(); } } }, button, list);
    this.leave = listen((now) => { for (const input of list.querySelectorAll("input")) input.checked = input.value === now; });
    this.away = ({ target }) => this.made.contains(target) || open(false);
    addEventListener("pointerdown", this.away);
    return this.made;
  }

  onRemove() {
    removeEventListener("pointerdown", this.away);
    this.leave();
    this.made.remove();
  }
}
