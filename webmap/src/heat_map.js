// Where cases pile up, on one map or on two under a swipe: density as pictures, grids by class, outlines of hot and cold.
import { told } from "./api.js";
import { LAND, openBase } from "./base.js";
import { tile } from "./hatch.js";
import { NOTHING, collection, is, label, line, wider } from "./layers.js";

const of = (level, ...more) => ["all", is("level", level), ...more];
const drawnLine = (id, color, width, filter, paint = {}) => line(id, "grids", color, width, { filter, paint, layout: { "line-cap": "butt" } });

const pictures = (query) => [new URL(`${told.root}/tiles/heat/{z}/{x}/{y}.png?${query}`, location.origin).href.replace(/%7B/g, "{").replace(/%7D/g, "}")];

function layers({ outlines }) {
  const outline = (name) => {
    const { colour, dash } = outlines[name], some = of("grid", is("verdict", name));
    return [drawnLine(`${name}-case`, "#ffffff", wider(11, 3, 15, 6), some, { "line-opacity": 0.75 }), drawnLine(name, colour, wider(11, 1.6, 15, 3.2), some, dash.length ? { "line-dasharray": dash } : {})];
  };
  return [
    { id: "zones", source: "grids", type: "fill", filter: of("zone"), paint: { "fill-color": LAND } },
    { id: "fill", source: "grids", type: "fill", filter: of("grid", ["has", "colour"]), paint: { "fill-color": ["get", "colour"], "fill-antialias": false } },
    { id: "hatch", source: "grids", type: "fill", filter: of("grid", ["has", "hatch"]), paint: { "fill-pattern": ["get", "hatch"], "fill-antialias": false } },
    { id: "heat", source: "heat", type: "raster", layout: { visibility: "none" }, paint: { "raster-fade-duration": 0, "raster-resampling": "linear" } },
    { id: "grids", source: "grids", type: "fill", filter: of("grid"), paint: { "fill-opacity": 0 } },
    drawnLine("grid-borders", "#77736a", wider(10, 0.3, 14, 0.9), of("grid")),
    drawnLine("zone-borders", "#2f2d29", wider(9, 0.8, 14, 2.6), of("zone")),
    { id: "others", source: "grids", type: "fill", filter: is("code", "-"), paint: { "fill-color": "#f1efea", "fill-opacity": 0.6 } },
    drawnLine("zone-shown", "#1b4b58", wider(9, 3, 14, 7), is("code", "-")),
    ...outline("cold"), ...outline("hot"),
    drawnLine("hovered", "#2b2a27", 2, is("code", "-")),
    drawnLine("picked-case", "#ffffff", 7, is("code", "-")),
    drawnLine("picked", "#1b4b58", 3.5, is("code", "-")),
    label("names", "names", { minzoom: 10, layout: { "text-size": wall ? wider(10, 16, 16, 26) : wider(10, 10, 16, 16), "text-max-width": 8 } }),
  ];
}

const names = (zones) => collection(zones.filter(({ name }) => name).map(({ name, at }) => ({ type: "Feature", properties: { name }, geometry: { type: "Point", coordinates: at } })));

const wall = document.querySelector("main.wall") !== null;
// Room for what lies over the map: the legend, or the sheets of a phone.
function room() {
  const sheet = document.querySelector(".ranked"), covered = sheet && innerWidth <= 760 ? Math.max(0, sheet.parentElement.querySelector(".map").getBoundingClientRect().bottom - sheet.getBoundingClientRect().top) : 0;
  if (innerWidth <= 760) return { top: wall ? 150 : 64, right: 16, bottom: 30 + covered, left: 16 };
  return { top: 60, right: document.querySelector(".legend[open]") || wall ? 270 : 50, bottom: 40, left: wall ? innerWidth * 0.34 : 60 };
}

// One map in a container; `on.grid(code)` hears of what is clicked.
export async function openPane(container, choices, on, { hash = false, controls = true } = {}) {
  const map = openBase(container, {
    hash, bounds: choices.bounds, fitBoundsOptions: { padding: room() }, maxZoom: 19, corner: controls ? "bottom-left" : "",
    sources: {
      grids: { type: "geojson", data: NOTHING, tolerance: 0.2, promoteId: "code" },
      names: { type: "geojson", data: names(choices.zones) },
      heat: { type: "raster", tileSize: 256, maxzoom: 17, tiles: pictures("top=1"), bounds: wide(choices.bounds) },
    },
    layers: layers(choices), under: "fill", names: "names", fills: ["fill", "hatch", "heat"],
  });
  for (const [layer, bands] of Object.entries(choices.bands)) for (const band of bands) {
    if (band.hatch === "none") continue;
    const { image, pixelRatio } = tile(band);
    map.addImage(`${layer}-${band.name}`, image, { pixelRatio });
  }
  listen(map, on);
  await new Promise((done) => map.once("load", done));
  return verbs(map, choices);
}

// Density reaches a little beyond the grids.
const wide = ([west, south, east, north]) => [west - 0.02, south - 0.02, east + 0.02, north + 0.02];

function listen(map, on) {
  const at = (point) => map.queryRenderedFeatures(point, { layers: ["grids"] })[0]?.properties.code;
  map.on("click", ({ point }) => on.grid(at(point)));
  map.on("mousemove", ({ point }) => {
    const code = at(point);
    map.getCanvas().style.cursor = code ? "pointer" : "";
    map.setFilter("hovered", of("grid", is("code", code ?? "-")));
  });
  map.on("mouseout", () => map.setFilter("hovered", is("code", "-")));
}

function verbs(map, choices) {
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  let asked = "";
  return {
    map,
    // Shapes with a colour or hatch of each grid: `paint(code)` tells them.
    show(shapes, paint) {
      const features = shapes.features.map((one) => (one.properties.level === "grid" ? { ...one, properties: { ...one.properties, ...paint(one.properties.code) } } : one));
      map.getSource("grids").setData(collection(features));
    },
    density(query) {
      map.setLayoutProperty("heat", "visibility", query ? "visible" : "none");
      if (query && query !== asked) map.getSource("heat").setTiles(pictures(query));
      asked = query || asked;
    },
    pick(code) {
      for (const layer of ["picked", "picked-case"]) map.setFilter(layer, of("grid", is("code", code ?? "-")));
    },
    // On the wall one zone at a time: outlined, the others pale.
    turn(zone) {
      map.setFilter("zone-shown", of("zone", is("zone", zone ?? "-")));
      map.setFilter("others", zone ? of("zone", ["!=", ["get", "zone"], zone]) : is("code", "-"));
    },
    fit: (box, { slow = false } = {}) => map.fitBounds(box ?? choices.bounds, { padding: room(), maxZoom: 15, duration: calm ? 0 : slow ? 2500 : 450 }),
  };
}

// The picture of a map as it stands.
export const drawn = (map) => new Promise((done) => {
  map.once("render", () => {
    const canvas = map.getCanvas(), copy = Object.assign(document.createElement("canvas"), { width: canvas.width, height: canvas.height });
    copy.getContext("2d").drawImage(canvas, 0, 0);
    done(copy);
  });
  map.triggerRepaint();
});
