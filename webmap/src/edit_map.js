// The layers of the map that a draft is edited on: atoms, borders by pair, what is drawn, what would change.
const DEEP = "#1b4b58", WARM = "#d2501a";
const empty = { type: "FeatureCollection", features: [] };
const wider = (...stops) => ["interpolate", ["exponential", 1.5], ["zoom"], ...stops];
const collection = (features) => ({ type: "FeatureCollection", features });
const feature = (geometry, properties = {}) => ({ type: "Feature", properties, geometry });
const picked = ["boolean", ["feature-state", "picked"], false];
const line = (id, source, paint, more = {}) => ({ id, source, type: "line", layout: { "line-join": "round", "line-cap": "round" }, paint, ...more });

const LAYERS = (strokes) => [
  { id: "atoms", source: "atoms", type: "fill", paint: { "fill-color": WARM, "fill-opacity": ["case", picked, 0.5, 0] } },
  line("atom-lines", "atoms", { "line-color": ["case", picked, "#8f2f08", "#55524a"], "line-width": wider(13, ["case", picked, 1.2, 0.25], 18, ["case", picked, 3, 0.9]), "line-opacity": ["case", picked, 1, 0.7] }),
  line("edit-micros", "edit-micros", { "line-color": "#55524a", "line-width": wider(13, 0.5, 18, 1.4) }),
  line("snap-lines", "snap-lines", { "line-color": "#2467b3", "line-width": 1.4, "line-opacity": 0.75 }, { layout: { visibility: "none" } }),
  ...strokes.map(({ name, colour, width, dash }) => line(`edit-borders-${name}`, "edit-borders",
    { "line-color": colour, "line-width": wider(10, 0.25 * width, 13, 0.9 * width, 17, 2.4 * width), ...(dash.length ? { "line-dasharray": dash } : {}) },
    { filter: ["all", ["==", ["get", "level"], "grid"], ["==", ["get", "stroke"], name]], ...(dash.length ? { layout: { "line-cap": "butt" } } : {}) })),
  { id: "locked", source: "locked", type: "symbol", layout: { "icon-image": "lock", "icon-allow-overlap": true } },
];
const ABOVE = [
  line("would-case", "would", { "line-color": "#ffffff", "line-width": 6, "line-opacity": 0.9 }),
  line("would", "would", { "line-color": WARM, "line-width": 3, "line-dasharray": [2.2, 1.2] }),
  line("drawn-case", "drawn", { "line-color": "#ffffff", "line-width": 6 }),
  line("drawn", "drawn", { "line-color": DEEP, "line-width": 3 }),
  { id: "drawn-points", source: "drawn", type: "circle", filter: ["==", ["geometry-type"], "Point"], paint: { "circle-radius": ["case", ["get", "snapped"], 6, 4.5], "circle-color": ["case", ["get", "snapped"], "#2467b3", "#ffffff"], "circle-stroke-color": DEEP, "circle-stroke-width": 2 } },
  { id: "refused", source: "refused", type: "circle", paint: { "circle-radius": 14, "circle-color": "#c02b1d", "circle-opacity": 0.25, "circle-stroke-color": "#c02b1d", "circle-stroke-width": 3 } },
];
const SOURCES = { atoms: "id", "edit-micros": "code", "edit-borders": "id", "snap-lines": null, locked: null, would: null, drawn: null, refused: null };
const OF = { atoms: "atoms", microgrids: "edit-micros", borders: "edit-borders" };

export function editMap(map, strokes) {
  for (const [name, promoteId] of Object.entries(SOURCES)) map.addSource(name, { type: "geojson", data: empty, tolerance: 0.2, ...(promoteId ? { promoteId } : {}) });
  map.addImage("lock", padlock(), { pixelRatio: 2 });
  for (const layer of LAYERS(strokes)) map.addLayer(layer, "hovered");
  for (const layer of ABOVE) map.addLayer(layer);
  const source = (name) => map.getSource(name);
  // what stays as it is is not sent to the map again, which would draw a frame for it
  const held = {};
  const put = (name, features) => {
    const text = JSON.stringify(features);
    if (text !== (held[name] ?? "[]")) source(name).setData(collection(features));
    held[name] = text;
  };
  let marked = new Set();
  return {
    // draws what changed and nothing else
    change: (changes) => Promise.all(Object.entries(changes).filter(([name, { gone, come }]) => OF[name] && (gone.length || come.length)).map(([name, { gone, come }]) => source(OF[name]).updateData({ remove: gone, add: come }))),
    lines: (features) => source("snap-lines").setData(collection(features)),
    locks: (places) => put("locked", places.map((at) => feature({ type: "Point", coordinates: at }))),
    drawing(on) { map.setLayoutProperty("snap-lines", "visibility", on ? "visible" : "none"); },
    mark(ids) {
      for (const id of marked) if (!ids.has(id)) map.removeFeatureState({ source: "atoms", id });
      for (const id of ids) if (!marked.has(id)) map.setFeatureState({ source: "atoms", id }, { picked: true });
      marked = new Set(ids);
    },
    draw(points, cursor) {
      const shapes = points.length > 1 ? [feature({ type: "LineString", coordinates: points })] : [];
      const corners = points.map((at) => feature({ type: "Point", coordinates: at }, { snapped: false }));
      put("drawn", [...shapes, ...(points.length < 60 ? corners : []), ...(cursor ? [feature({ type: "Point", coordinates: cursor.at }, { snapped: Boolean(cursor.chain) })] : [])]);
    },
    would: (features) => put("would", features),
    refused: (places) => put("refused", places.map((at) => feature({ type: "Point", coordinates: at }))),
    borderAt: (box) => map.queryRenderedFeatures(box, { layers: strokes.map(({ name }) => `edit-borders-${name}`) })[0]?.properties.id,
    atomsAt: (box) => map.queryRenderedFeatures(box, { layers: ["atoms"] }).map(({ properties }) => properties.id),
  };
}

function padlock() {
  const made = Object.assign(document.createElement("canvas"), { width: 40, height: 40 }), pen = made.getContext("2d");
  pen.scale(2, 2);
  Object.assign(pen, { lineWidth: 2, strokeStyle: "#2b2a27", fillStyle: "#ffffff" });
  pen.beginPath(); pen.arc(10, 10, 9, 0, 7); pen.fill(); pen.stroke();
  pen.beginPath(); pen.arc(10, 8.5, 3, Math.PI, 0); pen.stroke();
  pen.fillStyle = "#2b2a27"; pen.fillRect(6, 9, 8, 6);
  return pen.getImageData(0, 0, 40, 40);
}
