"""What the keyboard reaches on a page: Tab goes to everything, shows where it is, and stays nowhere."""

from __future__ import annotations

from typing import Any

PARTS = 9
"""So many times may Tab stay in one field: one for a date and a time has parts of its own."""
WATCH = """() => {
  const dialog = [...document.querySelectorAll("dialog[open]")].at(-1);
  const within = dialog ?? document;
  const seen = (one) => one.checkVisibility({ visibilityProperty: true }) && one.getClientRects().length > 0;
  const kinds = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]";
  const all = [...within.querySelectorAll(kinds)].filter((one) => !one.disabled && one.tabIndex >= 0 && seen(one));
  const name = (one) => {
    const words = one.getAttribute("aria-label") || one.innerText?.trim().split("\\n")[0] || one.name || "";
    return `${one.tagName.toLowerCase()}${one.id && `#${one.id}`}.${one.className.baseVal ?? one.className} "${words}"`;
  };
  const group = (one) => (one.type === "radio" && one.name ? `radio ${one.name}` : one);
  window.keyboard = { all, name, group, reached: new Set() };
  all[0]?.focus();
  return all.length;
}"""
"""Remember what the keyboard ought to reach: in a dialog that is open, what is in it; and begin at the first."""

LOOK = """() => {
  const { all, name, group, reached } = window.keyboard, one = document.activeElement;
  if (!one || one === document.body) return { at: "body" };
  reached.add(group(one));
  const parent = one.getBoundingClientRect().width < 2 || getComputedStyle(one).opacity === "0";
  const ring = parent ? one.closest("label, fieldset") ?? one : one;
  const style = getComputedStyle(ring), box = ring.getBoundingClientRect();
  const by = parseFloat(style.outlineOffset) + parseFloat(style.outlineWidth) / 2;
  let [left, top, right, bottom] = [0, 0, innerWidth, innerHeight];
  for (let up = ring.parentElement; up; up = up.parentElement) {
    const { overflow, display } = getComputedStyle(up);
    if (overflow === "visible" || /^(inline|contents)$/.test(display)) continue;
    const edge = up.getBoundingClientRect();
    [left, top] = [Math.max(left, edge.left), Math.max(top, edge.top)];
    [right, bottom] = [Math.min(right, edge.right), Math.min(bottom, edge.bottom)];
  }
  const across = (y) => y >= top - 0.6 && y <= bottom + 0.6 && box.right >= left && box.left <= right;
  const along = (x) => x >= left - 0.6 && x <= right + 0.6 && box.bottom >= top && box.top <= bottom;
  const sides = [across(box.top - by), across(box.bottom + by), along(box.left - by), along(box.right + by)];
  const seen = style.outlineStyle !== "none" && !/, 0\\)$/.test(style.outlineColor);
  const drawn = seen && parseFloat(style.outlineWidth) >= 1 && sides.filter(Boolean).length >= 2;
  const spots = [[0.5, 0.5], [0.1, 0.2], [0.9, 0.2], [0.1, 0.8], [0.9, 0.8]];
  const free = spots.some(([dx, dy]) => {
    const [x0, y0] = [Math.max(left, box.left), Math.max(top, box.top)];
    const [x1, y1] = [Math.min(right, box.right), Math.min(bottom, box.bottom)];
    const there = document.elementFromPoint(x0 + dx * (x1 - x0), y0 + dy * (y1 - y0));
    return there && ring.contains(there);
  });
  return { at: name(one), index: all.indexOf(one), ring: drawn, free };
}"""
"""Where the focus is; whether a ring of which two sides at least are in sight shows it; whether it is covered whole."""

MISSED = """() => {
  const { all, name, group, reached } = window.keyboard;
  const seen = (one) => one.isConnected && one.checkVisibility({ visibilityProperty: true });
  return all.filter((one) => seen(one) && !reached.has(group(one))).map(name);
}"""


def faults(page: Any, *, key: str = "Tab") -> list[str]:
    """What somebody with a keyboard alone would miss on a page as it stands."""
    count = page.evaluate(WATCH)
    out: list[str] = []
    shown: dict[str, bool] = {}
    first = here = page.evaluate(LOOK)
    stays = 0
    for _ in range(3 * count + 20):
        page.keyboard.press(key)
        before, here = here, page.evaluate(LOOK)
        if here["at"] == "body":
            continue
        shown[here["at"]] = shown.get(here["at"], False) or here["ring"]  # parts of a date have rings of their own
        out += [f"covered: {here['at']}"] if not here["free"] else []
        stays = stays + 1 if here == before else 0
        if count > 1 and stays == PARTS:
            out.append(f"{key} does not leave {here['at']}")
            break
        if not stays and here["index"] == first.get("index"):
            break
    page.evaluate("document.activeElement.blur()")  # the link that skips covers others while it has the focus
    out += [f"no ring is seen on {name}" for name, ring in shown.items() if not ring]
    out += [f"not reached by {key}: {name}" for name in page.evaluate(MISSED)]
    return list(dict.fromkeys(out))
