// The map of a case: its place with the circle of its error, its grid, the borders around, and the cases nearby.
import { LAND, openBase } from "./base.js";
import { boundsOf } from "./boxes.js";
import { grouped } from "./dom.js";
import { NOTHING, collection, is, label, line, of, wider } from "./layers.js";

const CORNERS = 64, METRES_A_DEGREE = 111_320;

const LAYERS = [
  { id: "zones", source: "grids", ...of("zones"), type: "fill", paint: { "fill-color": LAND } },
  line("borders", "grids", "#8d8b83", wider(10, 0.3, 14, 0.9, 17, 1.8), { ...of("borders"), filter: is("level", "grid") }),
  line("zone-borders", "grids", "#2f2d29", wider(9, 0.8, 13, 2, 17, 4), { ...of("borders"), filter: is("level", "zone") }),
  { id: "around", source: "around", type: "fill", paint: { "fill-color": ["match", ["get", "part"], "own", "#aed1d6", "option", "#f6dfae", "#ffffff"], "fill-opacity": ["match", ["get", "part"], "own", 0.75, "option", 0.7, 0] } },
  line("around-lines", "around", "#4a473f", 1.2),
  line("own-case", "around", "#ffffff", 6, { filter: is("part", "own") }),
  line("own", "around", "#1b4b58", 3.2, { filter: is("part", "own") }),
  line("option", "around", "#a86f1e", 2, { filter: is("part", "option"), layout: { "line-cap": "butt" }, paint: { "line-dasharray": [2, 1.4] } }),
  { id: "circle", source: "circle", type: "fill", paint: { "fill-color": "#c02b1d", "fill-opacity": 0.14 } },
  line("circle-line", "circle", "#c02b1d", 1.2),
  { id: "cases", source: "cases", type: "circle", paint: { "circle-radius": 5, "circle-color": "#fff", "circle-stroke-color": "#67645c", "circle-stroke-width": 2 } },
  { id: "point-case", source: "point", type: "circle", paint: { "circle-radius": 8.5, "circle-color": "#fff" } },
  { id: "point", source: "point", type: "circle", paint: { "circle-radius": 6, "circle-color": "#c02b1d" } },
  label("names", "labels", { layout: { "text-field": ["format", ["get", "code"], { "font-scale": 0.85 }, ["get", "leader"], {}], "text-size": 12.5, "text-max-width": 9, "text-padding": 6 } }),
];

const point = (at, properties = {}) => ({ type: "Feature", properties, geometry: { type: "Point", coordinates: at } });

// A circle of so many metres around a place in degrees.
export function circle(lon, lat, metres) {
  const up = metres / METRES_A_DEGREE, across = up / Math.cos((lat * Math.PI) / 180);
  const ring = Array.from({ length: CORNERS + 1 }, (_, k) => {
    const turn = (2 * Math.PI * (k % CORNERS)) / CORNERS;
    return [lon + across * Math.cos(turn), lat + up * Math.sin(turn)];
  });
  return { type: "Feature", properties: {}, geometry: { type: "Polygon", coordinates: [ring] } };
}

// The name of a grid, where it has most room.
const labelled = ({ properties: { code, leader, at } }) => point(at, { code: grouped(code).split(" ").slice(2).join(" "), leader: leader ? `\n${leader}` : "" });

function room() {
  if (innerWidth <= 760) return { top: 40, right: 24, bottom: Math.round(innerHeight * 0.55), left: 24 };
  return { top: 50, right: 50, bottom: 50, left: 50 };
}

// grids: tiles of what is in force, as `vector` tells them; on(lon, lat): where somebody pointed
export function openCaseMap(container, { bounds, source }, on) {
  const map = openBase(container, {
    bounds, fitBoundsOptions: { padding: 30 }, hash: "map",
    sources: { grids: source, ...Object.fromEntries(["around", "circle", "cases", "point", "labels"].map((name) => [name, { type: "geojson", data: NOTHING }])) },
    layers: LAYERS, under: "borders", names: "names",
  });
  map.getCanvas().style.cursor = "crosshair";
  map.on("click", ({ lngLat }) => on(lngLat.lng, lngLat.lat));
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const put = (name, data) => map.getSource(name).setData(data);
  return {
    map,
    ready: new Promise((done) => map.once("load", done)),
    clear() { for (const name of ["around", "circle", "cases", "point", "labels"]) put(name, NOTHING); },
    // place: where it is and how far off it may be; own, options: codes of grids; around: grids as GeoJSON
    show({ lon, lat, accuracy_m: accuracy }, { own, options, around, cases = [] }) {
      const grids = around.features.map((one) => ({ ...one, properties: { ...one.properties, part: one.properties.code === own ? "own" : options.includes(one.properties.code) ? "option" : "" } }));
      const disc = circle(lon, lat, accuracy ?? 0);
      put("around", collection(grids));
      put("labels", collection(grids.map(labelled)));
      put("circle", accuracy ? collection([disc]) : NOTHING);
      put("point", collection([point([lon, lat])]));
      put("cases", collection(cases.filter((one) => one.lon !== null).map((one) => point([one.lon, one.lat], { number: one.number }))));
      const named = grids.filter(({ properties }) => properties.part);
      const box = boundsOf(...[...named, disc, point([lon, lat])].map(({ geometry }) => geometry));
      map.fitBounds(box, { padding: room(), maxZoom: 17, duration: calm ? 0 : 350 });
    },
  };
}
