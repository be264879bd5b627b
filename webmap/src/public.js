// The public page: the map of the grid that was found, and the browser's own position. Everything else is in the page.
import { AttributionControl, Map as MapLibre, NavigationControl, ScaleControl, setWorkerUrl } from "maplibre-gl";
import { ask, told } from "./api.js";
import { texts } from "./dom.js";

setWorkerUrl(new URL("./maplibre-gl-worker.mjs", import.meta.url).href);

const FONT = ["Noto Sans CJK SC", "Microsoft YaHei", "PingFang SC", "sans-serif"];
const place = (id) => document.getElementById(id);
const shown = JSON.parse(place("shown").textContent);
const wider = (...stops) => ["interpolate", ["exponential", 1.5], ["zoom"], ...stops];

const page = (values) => {
  const here = new URLSearchParams(values);
  if (new URLSearchParams(location.search).has("lang")) here.set("lang", texts.language);
  location.assign(`${location.pathname}?${here}`);
};

function refuse(text) {
  place("said").textContent = text;
  place("said").hidden = false;
}

// ---- where I am
function locate() {
  const button = place("here");
  button.hidden = !("geolocation" in navigator) || !isSecureContext;
  button.addEventListener("click", () => {
    button.disabled = true;
    place("status").textContent = texts.public.looking;
    const done = () => { button.disabled = false; place("status").textContent = ""; };
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => found(coords).catch((error) => refuse(error.status === 404 ? nowhere() : error.message)).finally(done),
      () => { done(); refuse(texts.public.no_position); },
      { enableHighAccuracy: true, timeout: 15_000, maximumAge: 60_000 },
    );
  });
}

const nowhere = () => texts.public.nowhere.replace("{hotline}", place("shown").dataset.hotline);

// Only the code of the grid stays in the address of the page, not the position.
async function found({ longitude, latitude, accuracy }) {
  const where = new URLSearchParams({ lon: longitude.toFixed(6), lat: latitude.toFixed(6), accuracy_m: Math.min(Math.round(accuracy), 5000) });
  const { grid_code: code, others } = await ask(`/api/public/grid?${where}`);
  page(others.length ? { code, or: others.map((one) => one.code).join(",") } : { code });
}

// ---- the map
const line = (id, source, layer, color, width, more = {}) => ({
  id, source, "source-layer": layer, type: "line", layout: { "line-join": "round", "line-cap": "round" }, paint: { "line-color": color, "line-width": width, ...more.paint }, ...(more.filter ? { filter: more.filter } : {}),
});
const isGroup = (name) => ["==", ["get", "group"], name];
const isMine = ["==", ["get", "code"], shown?.code ?? ""];
const label = (id, source, layer, more) => ({
  id, source, "source-layer": layer, type: "symbol", ...more,
  layout: { "text-field": ["get", "name"], "text-font": FONT, "text-padding": 4, ...more.layout },
  paint: { "text-color": "#2b2a27", "text-halo-color": "rgba(255,255,255,0.9)", "text-halo-width": 1.5, ...more.paint },
});

const layers = [
  { id: "ground", type: "background", paint: { "background-color": "#f1efea" } },
  { id: "zones", source: "grids", "source-layer": "zones", type: "fill", paint: { "fill-color": "#fbfaf7" } },
  { id: "water", source: "base", "source-layer": "water", type: "fill", filter: ["==", ["geometry-type"], "Polygon"], paint: { "fill-color": "#cfe0ea" } },
  line("rivers", "base", "water", "#cfe0ea", wider(10, 1.5, 16, 14), { filter: ["==", ["geometry-type"], "LineString"] }),
  { id: "buildings", source: "base", "source-layer": "buildings", type: "fill", paint: { "fill-color": "#e4e0d6" } },
  line("rails", "base", "rails", "#9b978c", wider(10, 0.8, 16, 2.5), { paint: { "line-dasharray": [4, 2] } }),
  { id: "grids", source: "grids", "source-layer": "grids", type: "fill", paint: { "fill-color": "#ffffff", "fill-opacity": 0 } },
  { id: "mine", source: "grids", "source-layer": "grids", type: "fill", filter: isMine, paint: { "fill-color": "#87b8c2", "fill-opacity": 0.45 } },
  line("lanes", "base", "streets", "#ffffff", wider(13, 0.6, 17, 4), { filter: isGroup("lane") }),
  line("streets", "base", "streets", "#ffffff", wider(11, 0.8, 17, 8), { filter: isGroup("street") }),
  line("mains", "base", "streets", "#fff3cf", wider(9, 1.2, 17, 13), { filter: isGroup("main") }),
  line("grid-borders", "grids", "borders", "#8d8b83", wider(11, 0.4, 17, 1.6), { filter: ["==", ["get", "level"], "grid"], paint: { "line-dasharray": [3, 2] } }),
  line("zone-borders", "grids", "borders", "#4a473f", wider(8, 0.6, 17, 3), { filter: ["==", ["get", "level"], "zone"] }),
  line("mine-case", "grids", "grids", "#ffffff", wider(11, 4, 17, 8), { filter: isMine }),
  line("mine-line", "grids", "grids", "#1b4b58", wider(11, 2.5, 17, 4.5), { filter: isMine }),
  label("street-names", "base", "streets", { minzoom: 14, layout: { "symbol-placement": "line", "text-size": 11.5, "symbol-spacing": 320 } }),
  label("grid-names", "grids", "grids", { minzoom: 15, filter: ["!", isMine], layout: { "text-size": 11, "text-max-width": 7 }, paint: { "text-color": "#67645c" } }),
  label("zone-names", "grids", "names", { maxzoom: 15, layout: { "text-size": 13, "text-max-width": 8 } }),
];

async function source(kind) {
  const { tiles: [one], minzoom, maxzoom, bounds } = await ask(`/tiles/${kind}.json`);
  const path = one.slice(one.indexOf("/tiles/"));
  return { bounds, source: { type: "vector", tiles: [`${location.origin}${told.root}${path}`], minzoom, maxzoom } };
}

const room = () => (innerWidth <= 760 ? 26 : 70);

async function draw() {
  const [grids, base] = await Promise.all(["grids", "base"].map(source));
  const map = new MapLibre({
    container: "map",
    bounds: shown?.bounds ?? grids.bounds,
    fitBoundsOptions: { padding: room(), maxZoom: 17 },
    locale: texts.maplibre,
    attributionControl: false, dragRotate: false, pitchWithRotate: false, touchPitch: false, fadeDuration: 0, maxZoom: 19,
    cooperativeGestures: innerWidth <= 760,
    style: { version: 8, sources: { grids: grids.source, base: base.source }, layers },
  });
  map.touchZoomRotate.disableRotation();
  map.addControl(new NavigationControl({ showCompass: false }), "top-left");
  map.addControl(new ScaleControl({ maxWidth: 110 }), "bottom-left");
  map.addControl(new AttributionControl({ compact: false, customAttribution: "MapLibre" }), "bottom-right");
  const at = (point) => map.queryRenderedFeatures(point, { layers: ["grids"] })[0]?.properties.code;
  map.on("click", ({ point }) => { const code = at(point); if (code && code !== shown?.code) page({ code }); });
  map.on("mousemove", ({ point }) => { map.getCanvas().style.cursor = at(point) ? "pointer" : ""; });
  await new Promise((loaded) => map.once("load", loaded));
  window.publicMap = map; // for tests and the console
  document.body.classList.add("drawn");
}

addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.target.matches("input") || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  place("q").select();
});
locate();
draw().catch(() => { place("map").classList.add("none"); place("map").textContent = texts.public.no_map; });
