// Households of a grid against its range: min, target and max on one line.
import { el, number, svg, texts } from "./dom.js";

const WIDTH = 296, LEFT = 6, RIGHT = 290, Y = 26;

export function rangeBar(households, { min, target, max }) {
  const end = Math.max(max * 1.25, households * 1.06);
  const at = (value) => LEFT + ((RIGHT - LEFT) * value) / end;
  const tick = (value, word) => {
    const x = at(value), anchor = x > RIGHT - 30 ? "end" : "middle";
    return [
      svg("line", { x1: x, x2: x, y1: Y - 7, y2: Y + 7, class: "bar-tick" }),
      svg("text", { x, y: Y + 21, "text-anchor": anchor, class: "bar-number" }, number(value)),
      svg("text", { x, y: Y + 34, "text-anchor": anchor, class: "bar-word" }, word),
    ];
  };
  const close = at(max) - at(min) < 92; // no room for three words: the target's is left out
  const label = `${number(households)} ${texts.detail.households}: ${texts.bands.minimum} ${number(min)}, ${texts.bands.maximum} ${number(max)}`;
  const x = at(households);
  return svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} 66`, class: "bar-chart", role: "img", "aria-label": label },
    svg("rect", { x: LEFT, y: Y - 4, width: RIGHT - LEFT, height: 8, rx: 4, class: "bar-ground" }),
    svg("rect", { x: at(min), y: Y - 4, width: at(max) - at(min), height: 8, class: "bar-range" }),
    ...tick(min, texts.detail.minimum),
    ...(close ? [] : tick(target, texts.detail.target)),
    ...tick(max, texts.detail.maximum),
    svg("path", { d: `M${x} ${Y - 6}l-6 -10h12z`, class: "bar-value" }),
    svg("line", { x1: x, x2: x, y1: Y - 8, y2: Y + 5, class: "bar-needle" }),
  );
}

// The same in a list: where the grid stands from below the minimum (-1) to above the maximum (2).
export function miniBar(position) {
  const box = el("span.mini", { "aria-hidden": "true" }, el("i.mini-range"));
  if (position !== undefined) {
    const needle = el("i.mini-value");
    needle.style.left = `${(100 * (Math.min(1.9, Math.max(-0.9, position)) + 1)) / 3}%`;
    box.append(needle);
  }
  return box;
}
