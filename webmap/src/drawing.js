// A line that is drawn on the map point by point, with points that snap to centre lines and borders of atoms.
const SNAP_PX = 12, CORNER_PX = 9;

const nearest = (p, a, b) => {
  const dx = b.x - a.x, dy = b.y - a.y, length = dx * dx + dy * dy;
  const share = length ? Math.min(1, Math.max(0, ((p.x - a.x) * dx + (p.y - a.y) * dy) / length)) : 0;
  return { x: a.x + share * dx, y: a.y + share * dy, share };
};
const apart = (a, b) => Math.hypot(a.x - b.x, a.y - b.y);

function chainsOf(geometry) {
  if (geometry.type === "LineString") return [geometry.coordinates];
  if (geometry.type === "MultiLineString" || geometry.type === "Polygon") return geometry.coordinates;
  return geometry.type === "MultiPolygon" ? geometry.coordinates.flat() : [];
}

// What points snap to: centre lines first, then borders of atoms.
export function snapper(map, lines, atoms) {
  const chains = [lines, atoms].map((features) => features.flatMap(({ geometry }) => chainsOf(geometry)));
  const near = (point, chain) => {
    let best = null;
    let before = null;
    for (const [row, at] of chain.entries()) {
      const here = map.project(at);
      if (before) {
        const found = nearest(point, before, here), distance = apart(point, found);
        if (distance <= SNAP_PX && (!best || distance < best.distance)) {
          const corner = apart(point, here) <= CORNER_PX ? at : apart(point, before) <= CORNER_PX ? chain[row - 1] : null;
          best = { distance, chain, row: row - 1 + found.share, at: corner ?? map.unproject([found.x, found.y]).toArray() };
        }
      }
      before = here;
    }
    return best;
  };
  const boxed = chains.map((some) => some.map((chain) => ({ chain, box: boxOf(chain) })));
  return (point) => {
    const [west, south] = map.unproject([point.x - SNAP_PX, point.y + SNAP_PX]).toArray();
    const [east, north] = map.unproject([point.x + SNAP_PX, point.y - SNAP_PX]).toArray();
    for (const some of boxed) {
      const found = some.filter(({ box }) => box[0] <= east && box[2] >= west && box[1] <= north && box[3] >= south)
        .map(({ chain }) => near(point, chain)).filter(Boolean).sort((one, two) => one.distance - two.distance)[0];
      if (found) return found;
    }
    return null;
  };
}

function boxOf(chain) {
  const xs = chain.map(([x]) => x), ys = chain.map(([, y]) => y);
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

// Points between two that lie on the same chain, so that a line follows a bent street.
function along(one, two) {
  if (!one?.chain || one.chain !== two?.chain) return [];
  const [from, to] = [one.row, two.row];
  const rows = one.chain.map((_, row) => row).filter((row) => row > Math.min(from, to) && row < Math.max(from, to));
  return (from < to ? rows : rows.reverse()).map((row) => one.chain[row]);
}

const rounded = ([x, y]) => [Number(x.toFixed(7)), Number(y.toFixed(7))];

// The line that is being drawn: its corners as they were set, and the points that it runs through.
export class Drawing {
  constructor(closed = false) { this.corners = []; this.closed = closed; }
  get points() {
    return this.corners.flatMap((corner, row) => [...(row ? along(this.corners[row - 1], corner) : []), corner.at]).map(rounded);
  }
  add(corner) { this.corners.push(corner); }
  back() { this.corners.pop(); }
  clear() { this.corners = []; }
  with(corner) { return corner ? [...this.points, ...along(this.corners.at(-1), corner), corner.at].map(rounded) : this.points; }
}

// "114.3 30.5, 114.31 30.5": as a form takes a line; null where it is none.
export function readPoints(text) {
  const found = text.trim().replace(/^LINESTRING\s*\(|^POLYGON\s*\(\(|\)+\s*$/gi, "").split(/[,;\n]+/).filter((part) => part.trim()).map((part) => part.trim().split(/\s+/).map(Number));
  return found.length && found.every((pair) => pair.length === 2 && pair.every(Number.isFinite)) ? found : null;
}
export const writePoints = (points) => points.map((at) => rounded(at).join(" ")).join(", ");
