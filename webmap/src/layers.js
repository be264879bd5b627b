// What the layers of every map have in common: the face of names, lines that widen as one comes near, data of none.
export const FONT = ["Noto Sans CJK SC", "Microsoft YaHei", "PingFang SC", "sans-serif"]; // drawn from the machine's own faces
export const collection = (features) => ({ type: "FeatureCollection", features });
export const NOTHING = collection([]);
export const is = (name, value) => ["==", ["get", name], value ?? ""];
export const of = (layer) => ({ "source-layer": layer }); // in tiles
export const wider = (...stops) => ["interpolate", ["exponential", 1.5], ["zoom"], ...stops];

// A line; what is told in `more` goes before: a dash or opacity under `paint`, butt ends under `layout`.
export const line = (id, source, color, width, { paint, layout, ...more } = {}) => ({
  id, source, type: "line", ...more,
  layout: { "line-join": "round", "line-cap": "round", ...layout }, paint: { "line-color": color, "line-width": width, ...paint },
});

// A name with a light edge, so that it can be read on anything.
export const label = (id, source, { paint, layout, ...more } = {}) => ({
  id, source, type: "symbol", ...more,
  layout: { "text-field": ["get", "name"], "text-font": FONT, "text-padding": 4, ...layout },
  paint: { "text-color": "#2b2a27", "text-halo-color": "rgba(255,255,255,0.9)", "text-halo-width": 1.6, ...paint },
});
