// Two maps that move as one.
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
  two.map.jumpTo({ center: one.map.getCenter(), zoom: one.map.getZoom() });
}
