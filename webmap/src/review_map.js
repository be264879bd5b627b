// Two maps in one place, what is in force under what is proposed, with a line between them that is drawn along.
import { address, ask } from "./api.js";
import { NOTHING, line } from "./layers.js";
import { openMap } from "./map.js";
import { together } from "./pair.js";

const LAYERS = ["zones", "grids", "borders"];
const CHANGED = "changed", APART = "apart";
// Borders that one of two plans has alone: a whole line, and a dashed one.
export const SIDES = { old: { colour: "#1f4f9c", width: 3.5, dash: [] }, new: { colour: "#b8430f", width: 3.5, dash: [2, 1.3] } };

async function pane(container, version, on, corner) {
  const at = `?version=${version}`, summary = await ask(`/api/division${at}`);
  const view = openMap(container, summary, Object.fromEntries(LAYERS.map((name) => [name, address(`/api/division/${name}${at}`)])), on, { hash: false, corner });
  await view.ready;
  view.map.addSource(CHANGED, { type: "geojson", data: NOTHING });
  view.map.addLayer({ id: `${CHANGED}-fill`, source: CHANGED, type: "fill", paint: { "fill-color": "#b5369c", "fill-opacity": ["case", ["boolean", ["feature-state", "picked"], false], 0.45, 0.16] } });
  view.map.addLayer(line(CHANGED, CHANGED, "#8a1c75", 2.5));
  view.map.addSource(APART, { type: "geojson", data: NOTHING });
  view.map.addLayer(line(`${APART}-case`, APART, "#ffffff", 7, { layout: { "line-cap": "butt" } }));
  for (const [side, { colour, width, dash }] of Object.entries(SIDES)) view.map.addLayer(line(`${APART}-${side}`, APART, colour, width, { filter: ["==", ["get", "side"], side], layout: { "line-cap": "butt" }, paint: dash.length ? { "line-dasharray": dash } : {} }));
  return view;
}

export async function openMaps({ before, after, on }) {
  const views = [after && (await pane(document.getElementById("after"), after, on, "top-left")), before && (await pane(document.getElementById("before"), before, on, after ? "" : "top-left"))].filter(Boolean);
  if (views.length === 2) together(...views);
  let picked;
  return {
    map: views[0]?.map,
    show(shapes) {
      for (const { map } of views) map.getSource(CHANGED).setData(shapes);
    },
    showApart(lines) {
      for (const { map } of views) {
        map.getSource(APART).setData(lines);
        map.setLayoutProperty(CHANGED, "visibility", "none"); // the outlines of the land are these borders
      }
    },
    pick(id, bounds) {
      for (const { map } of views) {
        if (picked !== undefined) map.setFeatureState({ source: CHANGED, id: picked }, { picked: false });
        map.setFeatureState({ source: CHANGED, id }, { picked: true });
      }
      picked = id;
      views[0].fit(bounds);
    },
    dash: (side) => views[0].map.getPaintProperty(`${APART}-${side}`, "line-dasharray"),
    fit: (bounds) => views[0].fit(bounds),
    close() {
      for (const { map } of views) map.remove();
    },
  };
}
