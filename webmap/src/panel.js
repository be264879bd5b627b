// What stands in a panel: children however deep they are nested, without those that are nothing.
export function put(place, ...children) {
  place.replaceChildren(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false && child !== ""));
}

// On a phone the sheet gives way to what has got the focus under it.
document.addEventListener("focusin", ({ target }) => {
  const sheet = document.getElementById("work");
  if (innerWidth > 760 || !document.getElementById("work-grip") || sheet.contains(target) || target.closest("dialog") || document.body.classList.contains("work-folded")) return;
  const { top, height } = target.getBoundingClientRect();
  if (target.matches(":focus-visible") && top + height / 2 > sheet.getBoundingClientRect().top) fold(true);
});

// Fold the panel of work away, or show it again: on a phone it is a sheet of one line then.
export function fold(closed = !document.body.classList.contains("work-folded")) {
  document.body.classList.toggle("work-folded", closed);
  document.getElementById("work-grip").setAttribute("aria-expanded", String(!closed));
}
