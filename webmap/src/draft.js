// A draft that is edited: its zones that were opened, its log, and what is asked of the server. Knows nothing of pages.
import { ask, change } from "./api.js";

const LAYERS = ["grids", "microgrids", "atoms", "borders"];
const idOf = { grids: (row) => row.code, microgrids: (row) => row.code, atoms: (row) => row.id, borders: (row) => row.id };
const gridsOf = { grids: (row) => [row.code], microgrids: (row) => [row.grid], atoms: (row) => [row.grid], borders: (row) => [row.first, row.second] };

export const zoneOf = (code) => code.slice(0, 12);

export class Draft {
  constructor(version) {
    this.version = version;
    this.zones = new Map();
    this.edits = [];
    this.seen = 0;
  }

  path(rest) { return `/api/drafts/${this.version}${rest}`; }

  async readLog() { this.edits = (await ask(this.path("/log"))).edits; }

  // Brings what was opened up to the last edit; gives the edits that were not seen yet.
  async catchUp(seen = this.seen) {
    await this.readLog();
    const fresh = this.edits.filter(({ number }) => number > seen);
    const zones = new Set(fresh.flatMap(({ codes }) => codes.map(zoneOf)));
    this.seen = this.edits.at(-1)?.number ?? 0;
    const changes = await Promise.all([...zones].map((zone) => this.read(zone)));
    return { fresh, changes };
  }

  async open(zone) {
    if (this.zones.has(zone)) return null;
    return this.read(zone);
  }

  async read(zone) {
    const found = await ask(this.path(`/zones/${zone}`));
    const before = this.zones.get(zone);
    const made = { code: zone, lines: found.lines };
    for (const name of LAYERS) made[name] = new Map(found[name].map((feature) => [idOf[name](feature.properties), feature]));
    Object.assign(made, found.zones[0], { locks: found.locks });
    this.zones.set(zone, made);
    return { whole: zone, ...Object.fromEntries(LAYERS.map((name) => [name, { gone: before ? [...before[name].keys()] : [], come: [...made[name].values()] }])) };
  }

  // Takes in what an edit changed; gives what a map has to draw anew.
  take({ codes, zones, locks, ...layers }) {
    const touched = new Set(codes), out = Object.fromEntries(LAYERS.map((name) => [name, { gone: [], come: [] }]));
    for (const row of zones) {
      const mine = this.zones.get(row.code);
      if (!mine) continue;
      Object.assign(mine, row, { locks: { grids: locks.grids.filter((one) => zoneOf(one) === row.code), borders: locks.borders.filter(([one]) => zoneOf(one) === row.code) } });
      for (const name of LAYERS) this.takeLayer(mine, name, touched, layers[name], out[name]);
    }
    return out;
  }

  takeLayer(mine, name, touched, features, { gone, come }) {
    for (const [id, { properties }] of mine[name]) if (gridsOf[name](properties).some((code) => touched.has(code))) { mine[name].delete(id); gone.push(id); }
    for (const feature of features) {
      if (!gridsOf[name](feature.properties).some((code) => code && zoneOf(code) === mine.code)) continue;
      mine[name].set(idOf[name](feature.properties), feature);
      come.push(feature);
    }
  }

  async edit(action, args, { dry = false } = {}) {
    return change(this.path("/edits"), { action, arguments: args, seen: this.seen, dry_run: dry });
  }

  async turn(way) { return change(this.path(`/${way}`)); }

  // Numbers of one's own edits that can be taken back, and made again, the next one at the end.
  get mine() {
    const done = [], undone = [];
    for (const { number, undoes, action, mine } of this.edits) {
      if (!mine || action === "number") continue;
      if (undoes === null) { done.push(number); undone.length = 0; }
      else if (action === "undo") undone.push(done.pop());
      else done.push(undone.pop());
    }
    return { done, undone };
  }

  findings(zone) { return ask(this.path(`/zones/${zone}/findings`)); }

  // Atoms and grids by their ids, in whichever opened zone they are.
  atom(id) { for (const zone of this.zones.values()) if (zone.atoms.has(id)) return zone.atoms.get(id).properties; return undefined; }
  grid(code) { return this.zones.get(zoneOf(code ?? ""))?.grids.get(code)?.properties; }
  isLocked(code) { return Boolean(this.zones.get(zoneOf(code))?.locks.grids.includes(code)); }
}

// What giving atoms to a grid does to the households of each grid, counted here at once.
export function balance(draft, atoms, to) {
  const sums = new Map();
  const add = (code, n) => sums.set(code, (sums.get(code) ?? 0) + n);
  for (const id of atoms) {
    const atom = draft.atom(id);
    if (!atom || atom.grid === to) continue;
    add(to, atom.households ?? 0);
    if (atom.grid) add(atom.grid, -(atom.households ?? 0));
  }
  return [...sums].sort(([one], [two]) => (one === to ? -1 : two === to ? 1 : one < two ? -1 : 1)).map(([code, more]) => {
    const before = draft.grid(code)?.households ?? 0;
    return { code, before: { households: before }, after: { households: before + more } };
  });
}
