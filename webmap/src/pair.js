// Two maps that move as one: the second lies under the first, and has nothing for the keyboard that the first has not.
export function together(one, two) {
  let moving = false;
  const follow = (leader, other) => leader.on("move", () => {
    if (moving) return;
    moving = true;
    other.jumpTo({ center: leader.getCenter(), zoom: leader.getZoom() });
    moving = false;
  });
  follow(one.map, two.map);
  follow(two.map, one.map);
  two.map.getCanvas().tabIndex = -1;
  two.map.getCanvas().setAttribute("aria-hidden", "true");
  for (const part of [one.map.getContainer(), one.map.getCanvasContainer()]) part.style.pointerEvents = "none"; // what it does not cover is the second's
  one.map.getCanvas().style.pointerEvents = "auto";
  two.map.jumpTo({ center: one.map.getCenter(), zoom: one.map.getZoom() });
}
