// The map: layers, and what is picked on them. Knows nothing of panels.
import { LAND, openBase } from "./base.js";
import { marker, tile } from "./hatch.js";
import { NOTHING, collection, is, label, line, wider } from "./layers.js";

const MICROGRIDS_FROM = 14, FINDINGS_FROM = 13;
const nothing = is("code", "");
const BUFFER_PX = 16; // as far as lines reach over the edge of a tile: more is work for nothing

// Borders of grids and zones with one kind of line under them; dashes say the same without colour.
function stroked({ name, colour, width, dash }) {
  const dashed = dash.length ? { layout: { "line-cap": "butt" }, paint: { "line-dasharray": dash } } : {};
  return line(`borders-${name}`, "borders", colour, wider(10, 0.25 * width, 13, 0.7 * width, 17, 2 * width), { filter: is("stroke", name), ...dashed });
}

function layers({ bands, strokes }) {
  const plain = bands.filter(({ hatch }) => hatch === "none").flatMap(({ name, fill }) => [name, fill]);
  const hatched = bands.filter(({ hatch }) => hatch !== "none").map(({ name }) => name);
  const isHatched = ["in", ["get", "band"], ["literal", hatched]];
  return [
    { id: "zones", source: "zones", type: "fill", paint: { "fill-color": LAND } },
    { id: "grids", source: "grids", type: "fill", filter: ["!", isHatched], paint: { "fill-color": ["match", ["get", "band"], ...plain, "#e3e1db"], "fill-antialias": false } },
    { id: "grids-hatched", source: "grids", type: "fill", filter: isHatched, paint: { "fill-pattern": ["get", "band"], "fill-antialias": false } },
    { id: "others", source: "zones", type: "fill", filter: nothing, paint: { "fill-color": LAND, "fill-opacity": 0.55 } },
    line("microgrids", "microgrids", "#7d7a72", wider(14, 0.4, 18, 1), { minzoom: MICROGRIDS_FROM }),
    line("zone-borders", "borders", "#2f2d29", wider(9, 0.8, 13, 2.4, 17, 5.5), { filter: is("level", "zone") }),
    ...strokes.map(stroked),
    line("hovered", "grids", "#2b2a27", 2, { filter: nothing }),
    line("picked-case", "grids", "#ffffff", 7, { filter: nothing }),
    line("picked", "grids", "#1b4b58", 3.5, { filter: nothing }),
    { id: "offence-fill", source: "offence", type: "fill", paint: { "fill-color": "#c02b1d", "fill-opacity": 0.18 } },
    line("offence", "offence", "#c02b1d", 3, { paint: { "line-dasharray": [2, 1.2] } }),
    label("names", "names", { minzoom: 11, layout: { "text-size": wider(11, 10, 16, 15), "text-max-width": 8 } }),
    signs("micro", "finding", ["all", ["!", isHard], isMicro], { minzoom: MICROGRIDS_FROM + 1.5 }),
    signs("finding", "finding", ["all", ["!", isHard], ["!", isMicro]], { minzoom: FINDINGS_FROM }),
    signs("hard", "hard", isHard),
  ];
}

const isHard = is("severity", "hard");
const isMicro = ["==", ["length", ["coalesce", ["get", "code"], ""]], 17];
const signs = (name, severity, filter, more = {}) => ({
  id: `signs-${name}`, source: "signs", type: "symbol", filter, ...more,
  layout: { "icon-image": `sign-${severity}`, "icon-size": name === "micro" ? 0.7 : 1, "icon-allow-overlap": true, "icon-ignore-placement": true },
});

const points = (rows, at) => collection(rows.filter(at).map((row) => ({ type: "Feature", properties: row, geometry: { type: "Point", coordinates: at(row) } })));
const signed = (offenders) => points(offenders.filter((row) => row.sign), (row) => row.at);

// Room at the edges of the map that the legend, or the sheets of a phone, take up.
function room(picked = false) {
  if (innerWidth <= 760) return { top: 50, right: 20, bottom: picked ? innerHeight * 0.56 : 70, left: 20 };
  return { top: document.body.classList.contains("editing") ? 70 : 30, right: innerWidth > 1000 && document.querySelector(".legend[open]") ? 260 : 60, bottom: 40, left: 50 };
}

// Opens the map over the area. zones, grids, borders: addresses, so that the map's own thread reads what would keep the page
// waiting. `on` hears of what is clicked: on.grid(code), on.finding(id), on.nothing().
export function openMap(container, summary, { zones, grids, borders, offenders = [] }, on, options = {}) {
  const source = (data, promoteId) => ({ type: "geojson", data, tolerance: 0.2, ...(promoteId ? { promoteId } : {}) });
  const land = (data, promoteId) => ({ ...source(data, promoteId), buffer: BUFFER_PX });
  const map = openBase(container, {
    bounds: summary.bounds ?? undefined,
    fitBoundsOptions: { padding: room() },
    hash: options.hash ?? "map",
    corner: options.corner,
    sources: {
      zones: land(zones), grids: land(grids, "code"), borders: land(borders), microgrids: land(NOTHING), offence: source(NOTHING),
      signs: source(signed(offenders)), names: source(points(summary.zones, (zone) => zone.name && zone.at)),
    },
    layers: layers(summary),
    under: "grids", names: "names", fills: ["grids", "grids-hatched"],
  });
  for (const band of summary.bands) if (band.hatch !== "none") { const { image, pixelRatio } = tile(band); map.addImage(band.name, image, { pixelRatio }); }
  for (const severity of ["hard", "finding"]) { const { image, pixelRatio } = marker(severity); map.addImage(`sign-${severity}`, image, { pixelRatio }); }
  listen(map, on);
  return { map, ...verbs(map, summary) };
}

function listen(map, on) {
  const GRIDS = ["grids", "grids-hatched"], SIGNS = ["signs-hard", "signs-finding", "signs-micro"];
  const at = (point, names, by) => map.queryRenderedFeatures([[point.x - by, point.y - by], [point.x + by, point.y + by]], { layers: names })[0];
  map.on("click", ({ point }) => {
    const found = at(point, SIGNS, 4);
    if (found && !on.drawing?.()) return on.finding(found.properties.id);
    const grid = at(point, GRIDS, 0);
    return grid ? (on.click ?? on.grid)(grid.properties.code) : on.nothing();
  });
  map.on("mousemove", ({ point }) => {
    const grid = at(point, GRIDS, 0);
    map.getCanvas().style.cursor = grid ? "pointer" : "";
    map.setFilter("hovered", is("code", grid?.properties.code ?? "-"));
  });
  map.on("mouseout", () => map.setFilter("hovered", nothing));
}

function verbs(map, summary) {
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const fit = (box, picked = true) => {
    if (!box) return;
    if (map.getContainer().clientWidth !== map.getCanvas().clientWidth) map.resize(); // a panel has just come, or gone
    map.fitBounds(box, { padding: room(picked), maxZoom: 17, duration: calm ? 0 : 450 });
  };
  const ready = new Promise((done) => map.once("load", done));
  // borders of micro-grids come zone by zone, those in sight
  const asked = new Set();
  const fine = (load) => {
    if (map.getZoom() < MICROGRIDS_FROM) return;
    const [west, south, east, north] = map.getBounds().toArray().flat();
    for (const { code, bounds } of summary.zones) {
      if (asked.has(code) || !bounds || bounds[0] > east || bounds[2] < west || bounds[1] > north || bounds[3] < south) continue;
      asked.add(code);
      load(code).then(({ features }) => map.getSource("microgrids")?.updateData({ add: features })).catch(() => asked.delete(code));
    }
  };
  let marked = NOTHING;
  const lines = [["microgrids"], ...summary.strokes.map(({ name }) => [`borders-${name}`, is("stroke", name)])];
  return {
    ready,
    fit,
    whole: () => fit(summary.bounds, false),
    showFindings: (offenders) => map.getSource("signs").setData(signed(offenders)),
    changeGrids: ({ gone, come }) => map.getSource("grids").updateData({ remove: gone, add: come }),
    // leaves out the lines inside some zones
    hideLines(zones) {
      const elsewhere = ["!", ["in", ["coalesce", ["get", "zone"], ""], ["literal", zones]]];
      for (const [id, filter] of lines) map.setFilter(id, filter ? ["all", filter, elsewhere] : elsewhere);
    },
    fineBorders(load) {
      map.on("moveend", () => fine(load));
      fine(load);
    },
    mark({ zone, grid, offence }) {
      const code = grid ? is("code", grid) : nothing;
      map.setFilter("picked", code);
      map.setFilter("picked-case", code);
      map.setFilter("others", zone ? ["!", is("code", zone)] : nothing);
      const shown = offence?.geometry ? offence : NOTHING;
      if (shown !== marked) map.getSource("offence").setData(shown);
      marked = shown;
    },
  };
}
