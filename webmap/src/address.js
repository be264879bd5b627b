// What is picked stands in the address of the page, beside the place that MapLibre writes there (map=zoom/lat/lon).
const OURS = ["zone", "grid", "finding", "show", "version", "task", "one", "other", "item", "source", "from", "to", "compare", "cfrom", "cto", "layer", "sort"];

const parts = () => location.hash.replace(/^#/, "").split("&").filter(Boolean).map((part) => part.split("="));

export function read() {
  const all = Object.fromEntries(parts());
  return Object.fromEntries(OURS.filter((key) => all[key]).map((key) => [key, decodeURIComponent(all[key])]));
}

export const hasPlace = () => parts().some(([key]) => key === "map");

export function write(state) {
  const kept = parts().filter(([key]) => !OURS.includes(key));
  const ours = OURS.filter((key) => state[key]).map((key) => [key, encodeURIComponent(state[key])]);
  const hash = [...kept, ...ours].map((pair) => pair.join("=")).join("&");
  history.replaceState(history.state, "", `${location.pathname}${location.search}${hash ? `#${hash}` : ""}`);
}

// The page in the other language opens at the same place, with the same picked, of the same version.
for (const link of document.querySelectorAll(".tongue"))
  for (const sign of ["pointerenter", "pointerdown", "focus"]) link.addEventListener(sign, () => {
    const query = new URLSearchParams(location.search);
    query.set("lang", link.lang);
    Object.assign(link, { search: String(query), hash: location.hash });
  });
