// Boxes: west, south, east, north.
export function boxOf(...geometries) {
  const box = [Infinity, Infinity, -Infinity, -Infinity];
  const visit = (at) => {
    if (typeof at[0] !== "number") return at.forEach(visit);
    box[0] = Math.min(box[0], at[0]); box[1] = Math.min(box[1], at[1]);
    box[2] = Math.max(box[2], at[0]); box[3] = Math.max(box[3], at[1]);
  };
  for (const geometry of geometries) if (geometry) visit(geometry.coordinates);
  return box;
}

// The box of all that is there; undefined where nothing is.
export function boundsOf(...geometries) {
  const box = boxOf(...geometries);
  return Number.isFinite(box[0]) ? box : undefined;
}

// The box around boxes.
export const around = (boxes) => [0, 1].map((k) => Math.min(...boxes.map((box) => box[k]))).concat([2, 3].map((k) => Math.max(...boxes.map((box) => box[k]))));
