// Which map lies under ours: our own streets, a picture of somebody else's, or nothing. Kept by the browser for all pages.
import { told } from "./api.js";

const KEY = "gridgis-base", heard = new Set();

export const choices = [...(told.base?.own ? ["own"] : []), ...(told.base?.picture ? ["picture"] : []), "none"];

// A browser that keeps nothing (private windows, policies) shows the first.
function kept() {
  try { return localStorage.getItem(KEY); } catch { return null; }
}

export let chosen = choices.includes(kept()) ? kept() : choices[0];

export function choose(name) {
  chosen = name;
  try { localStorage.setItem(KEY, name); } catch { /* for this page alone */ }
  for (const hear of heard) hear(name);
}

export const next = () => choose(choices[(choices.indexOf(chosen) + 1) % choices.length]);

export function listen(hear) {
  heard.add(hear);
  return () => heard.delete(hear);
}
