// Cases by day, and the window that is looked at: drawn along, stepped by keys, played.
import { date, el, fill, number, svg, texts } from "./dom.js";

const T = texts.heat, DAY_MS = 86_400_000, HEIGHT = 44, PLAY_MS = 900;
export const toDay = (iso) => Math.round(Date.parse(`${iso}T00:00:00Z`) / DAY_MS);
export const toIso = (day) => new Date(day * DAY_MS).toISOString().slice(0, 10);
const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

export class Strip {
  // `moved(from, to, { playing })` hears of every window that is chosen here.
  constructor(place, moved) {
    Object.assign(this, { place, moved });
    this.button = el("button.second.play", { type: "button", "aria-keyshortcuts": "Space", onclick: () => this.toggle() });
    this.said = el("p.said", {});
    this.chart = el("div.chart", {});
    place.replaceChildren(this.button, el("div.strip-main", {}, this.said, this.chart));
    this.label();
  }

  get length() { return this.last - this.first + 1; }
  get playing() { return Boolean(this.timer); }
  get cases() { const at = this.first - this.begin; return this.counts.slice(Math.max(0, at), Math.max(0, at + this.length)).reduce((sum, count) => sum + count, 0); }
  get step() { return Math.max(1, Math.min(this.length, Math.round(this.length / 13))); }

  show({ first, counts }, from, to) {
    Object.assign(this, { begin: toDay(first), counts });
    this.draw();
    this.window(from, to);
  }

  draw() {
    const n = this.counts.length, most = Math.max(1, ...this.counts);
    const bars = this.counts.map((count, k) => (count ? `M${k} ${HEIGHT}v${(-count / most) * HEIGHT}h1V${HEIGHT}z` : "")).join("");
    const shown = svg("svg", { viewBox: `0 0 ${n} ${HEIGHT}`, preserveAspectRatio: "none", class: "days", "aria-hidden": "true" }, svg("path", { d: bars, class: "bars" }));
    this.frame = el("div.window", { role: "slider", tabIndex: 0, "aria-label": T.strip, "aria-valuemin": String(0), "aria-valuemax": String(n - 1) }, el("i.edge.edge-from"), el("i.edge.edge-to"));
    this.frame.addEventListener("keydown", ({ key }) => { if (key === "Home" || key === "End") this.choose(key === "Home" ? this.begin : this.begin + n - this.length); });
    this.chart.replaceChildren(shown, this.frame, el("div.months", { "aria-hidden": "true" }, this.months()));
    this.drag();
  }

  months() {
    const out = [], last = this.begin + this.counts.length, every = Math.max(1, Math.ceil(this.counts.length / 30 / (innerWidth > 760 ? 12 : 4)));
    const start = new Date(this.begin * DAY_MS);
    for (let k = start.getUTCDate() === 1 ? 0 : 1; ; k += every) {
      const day = Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + k, 1) / DAY_MS;
      if (day >= last - 10) return out;
      const mark = el("span", {}, new Intl.DateTimeFormat(texts.language, { year: "2-digit", month: "short", timeZone: "UTC" }).format(day * DAY_MS));
      mark.style.left = `${(100 * (day - this.begin)) / this.counts.length}%`;
      out.push(mark);
    }
  }

  window(from, to) {
    Object.assign(this, { first: toDay(from), last: toDay(to) });
    if (!this.counts) return;
    const n = this.counts.length, left = this.first - this.begin;
    const text = fill(T.window, { from: date(from), to: date(to), n: number(this.length) });
    Object.assign(this.frame.style, { left: `${(100 * left) / n}%`, width: `${(100 * this.length) / n}%` });
    this.frame.setAttribute("aria-valuenow", String(left));
    this.frame.setAttribute("aria-valuetext", text);
    this.said.replaceChildren(el("b", {}, text), " ", el("span", {}, fill(T.cases_in, { n: number(this.cases) })));
  }

  choose(first, last = first + this.length - 1) {
    const end = this.begin + this.counts.length - 1, long = Math.min(last - first, this.counts.length - 1);
    const at = Math.max(this.begin, Math.min(first, end - long));
    this.window(toIso(at), toIso(at + long));
    this.moved(toIso(at), toIso(at + long), { playing: this.playing });
  }

  move(by) { if (this.counts) this.choose(this.first + by * this.step); }

  // One step on; from the end to the beginning again.
  on() {
    const end = this.begin + this.counts.length - 1;
    this.choose(this.last >= end ? this.begin : this.first + this.step);
  }

  toggle() {
    if (!this.counts) return;
    if (calm()) return this.on();
    if (this.timer) return this.stop();
    if (this.length > this.counts.length / 2) this.choose(this.begin, this.begin + Math.min(27, this.counts.length - 1));
    this.timer = setInterval(() => this.on(), PLAY_MS);
    this.label();
    return this.on();
  }

  stop() {
    if (!this.timer) return;
    clearInterval(this.timer);
    this.timer = undefined;
    this.label();
    this.choose(this.first, this.last);
  }

  label() {
    const text = calm() ? T.step_on : this.timer ? T.pause : T.play;
    const shape = this.timer ? "M4 3h4v12H4zM10 3h4v12h-4z" : "M5 3l10 6-10 6z";
    this.button.replaceChildren(svg("svg", { viewBox: "0 0 18 18", width: 16, height: 16, "aria-hidden": "true" }, svg("path", { d: shape })), el("span", {}, text));
    this.button.setAttribute("aria-pressed", String(this.playing));
  }

  drag() {
    let held;
    const dayAt = (x) => { const box = this.chart.getBoundingClientRect(); return this.begin + Math.round(((x - box.left) / box.width) * this.counts.length); };
    this.chart.onpointerdown = (event) => {
      this.stop();
      const edge = event.target.classList.contains("edge-from") ? "from" : event.target.classList.contains("edge-to") ? "to" : "all";
      const day = dayAt(event.clientX);
      if (edge === "all" && (day < this.first || day > this.last)) this.window(...this.kept(day - Math.floor(this.length / 2)));
      held = { edge, shift: day - this.first };
      this.chart.setPointerCapture(event.pointerId);
      event.preventDefault();
    };
    this.chart.onpointermove = (event) => {
      if (!held) return;
      const day = dayAt(event.clientX), end = this.begin + this.counts.length - 1;
      if (held.edge === "from") this.window(toIso(Math.max(this.begin, Math.min(day, this.last))), toIso(this.last));
      else if (held.edge === "to") this.window(toIso(this.first), toIso(Math.min(end, Math.max(day, this.first))));
      else this.window(...this.kept(day - held.shift));
    };
    this.chart.onpointerup = this.chart.onpointercancel = () => {
      if (!held) return;
      held = undefined;
      this.choose(this.first, this.last);
    };
  }

  kept(first) {
    const at = Math.max(this.begin, Math.min(first, this.begin + this.counts.length - this.length));
    return [toIso(at), toIso(at + this.length - 1)];
  }
}
