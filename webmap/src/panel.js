// What stands in a panel: children however deep they are nested, without those that are nothing.
export function put(place, ...children) {
  place.replaceChildren(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false && child !== ""));
}

// Fold the panel of work away, or show it again: on a phone it is a sheet of one line then.
export function fold(closed = !document.body.classList.contains("work-folded")) {
  document.body.classList.toggle("work-folded", closed);
  document.getElementById("work-grip").setAttribute("aria-expanded", String(!closed));
}
