// The border of two neighbours that is dragged: it runs on along borders of their atoms, through where the mouse is.
const keyOf = ([x, y]) => `${x} ${y}`;
const apart = ([ax, ay], [bx, by]) => Math.hypot((ax - bx) * Math.cos((ay * Math.PI) / 180), ay - by);
const END_PX = 28; // so near to an end of a border it is the end that is dragged, along the outline of the two

const ringsOf = ({ type, coordinates }) => (type === "Polygon" ? coordinates : coordinates.flat());
const chainsOf = ({ type, coordinates }) => (type === "LineString" ? [coordinates] : coordinates);

// Edges of atoms, both ways: those between two atoms can be run along, others are the outline.
function graphOf(atoms) {
  const count = new Map(), places = new Map();
  for (const { geometry } of atoms) for (const ring of ringsOf(geometry)) for (let k = 1; k < ring.length; k++) {
    const [one, other] = [ring[k - 1], ring[k]].map((at) => { places.set(keyOf(at), at); return keyOf(at); });
    const edge = one < other ? `${one}|${other}` : `${other}|${one}`;
    count.set(edge, (count.get(edge) ?? 0) + 1);
  }
  const beside = new Map(), outline = new Set();
  for (const [edge, n] of count) {
    const [one, other] = edge.split("|");
    if (n < 2) { outline.add(one); outline.add(other); continue; }
    for (const [from, to] of [[one, other], [other, one]]) beside.set(from, [...(beside.get(from) ?? []), to]);
  }
  return { beside, outline, places };
}

// The shortest way between two vertices that meets no vertex of the outline, and none that is barred; null where none is.
function way({ beside, outline, places }, from, to, barred = new Set()) {
  const far = new Map([[from, 0]]), before = new Map(), open = new Set([from]), done = new Set();
  while (open.size) {
    let here = null;
    for (const one of open) if (here === null || far.get(one) < far.get(here)) here = one;
    if (here === to) break;
    open.delete(here);
    done.add(here);
    for (const next of beside.get(here) ?? []) {
      if (done.has(next) || barred.has(next) || (next !== to && outline.has(next))) continue;
      const length = far.get(here) + apart(places.get(here), places.get(next));
      if (length >= (far.get(next) ?? Infinity)) continue;
      far.set(next, length);
      before.set(next, here);
      open.add(next);
    }
  }
  if (from !== to && !before.has(to)) return null;
  const out = [to];
  while (out[0] !== from) out.unshift(before.get(out[0]));
  return out;
}

export class BorderDrag {
  // border: the feature that was grabbed; atoms: those of its two grids; grabbed: where, as the map tells it
  constructor(map, border, atoms, grabbed) {
    const { first, second } = border.properties;
    this.map = map;
    this.pair = { one: first, other: second };
    this.graph = graphOf(atoms);
    const near = (chain) => Math.min(...chain.map((at) => this.away(at, grabbed)));
    const chain = chainsOf(border.geometry).sort((one, two) => near(one) - near(two))[0];
    this.ends = [chain[0], chain.at(-1)].map(keyOf);
    this.slides = this.ends.findIndex((end) => this.away(this.graph.places.get(end) ?? chain[0], grabbed) <= END_PX);
  }

  // One that goes round, with no end on the outline, is drawn and not dragged.
  get may() { return this.ends[0] !== this.ends[1] && this.ends.every((end) => this.graph.beside.has(end)); }

  away(at, { x, y }) { const here = this.map.project(at); return Math.hypot(here.x - x, here.y - y); }

  // The border through the vertex that is nearest to the mouse; null where it cannot run there.
  through(point) {
    const { beside, outline, places } = this.graph, slides = this.slides >= 0;
    const may = [...beside.keys()].filter((vertex) => outline.has(vertex) === slides && (!slides || vertex !== this.ends[1 - this.slides]));
    const nearest = may.map((vertex) => [this.away(places.get(vertex), point), vertex]).sort(([one], [two]) => one - two);
    for (const [, vertex] of nearest.slice(0, 4)) {
      const found = slides ? way(this.graph, vertex, this.ends[1 - this.slides]) : this.bent(vertex);
      if (found && found.length > 1) return found.map((one) => places.get(one));
    }
    return null;
  }

  bent(vertex) {
    const [from, to] = this.ends;
    const first = way(this.graph, from, vertex, new Set([to]));
    const rest = first && way(this.graph, vertex, to, new Set(first.filter((one) => one !== vertex)));
    return rest && [...first, ...rest.slice(1)];
  }
}
