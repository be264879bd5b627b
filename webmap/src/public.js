// The public page: the map of the grid that was found, and the browser's own position. Everything else is in the page.
import { ask } from "./api.js";
import { LAND, openBase, vector } from "./base.js";
import { choices, next } from "./base_choice.js";
import { texts } from "./dom.js";
import { is, label, line, of, wider } from "./layers.js";

const place = (id) => document.getElementById(id);
const shown = JSON.parse(place("shown").textContent);

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
const isMine = is("code", shown?.code ?? "-");

const layers = [
  { id: "zones", source: "grids", ...of("zones"), type: "fill", paint: { "fill-color": LAND } },
  { id: "grids", source: "grids", ...of("grids"), type: "fill", paint: { "fill-color": "#ffffff", "fill-opacity": 0 } },
  { id: "mine", source: "grids", ...of("grids"), type: "fill", filter: isMine, paint: { "fill-color": "#87b8c2", "fill-opacity": 0.45 } },
  line("grid-borders", "grids", "#8d8b83", wider(11, 0.4, 17, 1.6), { ...of("borders"), filter: is("level", "grid"), layout: { "line-cap": "butt" }, paint: { "line-dasharray": [3, 2] } }),
  line("zone-borders", "grids", "#4a473f", wider(8, 0.6, 17, 3), { ...of("borders"), filter: is("level", "zone") }),
  line("mine-case", "grids", "#ffffff", wider(11, 4, 17, 8), { ...of("grids"), filter: isMine }),
  line("mine-line", "grids", "#1b4b58", wider(11, 2.5, 17, 4.5), { ...of("grids"), filter: isMine }),
  label("grid-names", "grids", { ...of("grids"), minzoom: 15, filter: ["!", isMine], layout: { "text-size": 11, "text-max-width": 7 }, paint: { "text-color": "#67645c" } }),
  label("zone-names", "grids", { ...of("names"), maxzoom: 15, layout: { "text-size": 13, "text-max-width": 8 } }),
];

const room = () => (innerWidth <= 760 ? 26 : 70);

async function draw() {
  const grids = await vector("grids");
  const map = openBase(place("map"), {
    bounds: shown?.bounds ?? grids.bounds, fitBoundsOptions: { padding: room(), maxZoom: 17 }, maxZoom: 19, cooperativeGestures: innerWidth <= 760,
    sources: { grids: grids.source }, layers, under: "grids", names: "grid-names",
  });
  const at = (point) => map.queryRenderedFeatures(point, { layers: ["grids"] })[0]?.properties.code;
  map.on("click", ({ point }) => { const code = at(point); if (code && code !== shown?.code) page({ code }); });
  map.on("mousemove", ({ point }) => { map.getCanvas().style.cursor = at(point) ? "pointer" : ""; });
  await new Promise((loaded) => map.once("load", loaded));
  window.publicMap = map; // for tests and the console
  document.body.classList.add("drawn");
}

addEventListener("keydown", (event) => {
  if (event.target.matches("input") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "g" && choices.length > 1) next();
  if (event.key !== "/") return;
  event.preventDefault();
  place("q").select();
});
locate();
draw().catch(() => { place("map").classList.add("none"); place("map").textContent = texts.public.no_map; });
