// The stand-alone map of hot spots: draws what gridgis/publish/heat_map.py put into the page. Asks nothing of any network.
function gridgisHeat(map, data) {
  const { texts, grids, periods, density, about } = data;
  const { percent, el, known, words, grouped, facts, fillOf, sketch, swatch, zoneLabels } = gridgisParts(texts);
  const page = texts.page, container = map.getContainer(), wide = () => window.innerWidth > 600;
  const whole = new Intl.NumberFormat(texts.language), number = new Intl.NumberFormat(texts.language, { maximumSignificantDigits: 3 });
  const said = (pattern, values) => pattern.replace(/{(\w+)}/g, (_, key) => values[key]);
  const cases = (n) => said(page.cases, { n: whole.format(n) });
  const chance = (p) => (p < 0.001 ? "< 0.001" : number.format(p));
  const [HOT, COLD, NEITHER, NOT_ENOUGH] = [0, 1, 2, 3];
  const all = grids.code.map((_, k) => k);
  container.classList.add("gg-map", "gh-map");
  document.documentElement.lang = texts.language;

  // ---- what is shown: a layer, a period (0 is the whole window), a picked grid
  const view = { layer: density.images.length ? "density" : "rate", period: 0, picked: null };
  const rateOf = (k) => {
    if (!view.period || grids.rate[k] === null) return grids.rate[k];
    const { days } = periods[view.period - 1];
    // rates grow with cases and fall with days: what a grid is divided by need not be known
    return grids.cases[k] && days ? (grids.rate[k] * grids.counts[k][view.period - 1] * data.days) / grids.cases[k] / days : 0;
  };
  const casesOf = (k) => (view.period ? grids.counts[k][view.period - 1] : grids.cases[k]);
  const stateOf = (k, period) => (grids.enough[k] ? { "+": HOT, "-": COLD, 0: NEITHER }[grids.states[k][period - 1]] : NOT_ENOUGH);
  const verdictOf = (k) => (view.period ? stateOf(k, view.period) : grids.verdict[k]);
  const last = data.rate.bands.length - 1;
  function classOf(k) {
    if (!grids.enough[k] || grids.rate[k] === null || !last) return last;
    if (!view.period) return grids.class[k] ?? last;
    const expected = grids.expected[k], { days } = periods[view.period - 1];
    if (expected !== null && (expected * days) / data.days < 1) return last; // a case or none says nothing of a period
    const rate = rateOf(k), at = data.rate.limits.findIndex((limit) => rate <= limit);
    return at < 0 ? last - 1 : at;
  }

  // ---- fills
  const verdictFills = data.verdicts.map(fillOf), rateFills = data.rate.bands.map(fillOf);
  // hot, cold and others by the last word of a pattern
  const sideOf = (pattern) => (/_hot$/.test(pattern) ? HOT : /_cold$/.test(pattern) ? COLD : pattern === "not_enough_data" ? NOT_ENOUGH : NEITHER);
  const pale = { [HOT]: "#f3c3ae", [COLD]: "#c3d9ec" };
  const patternFill = (side) => pale[side] ?? verdictFills[side];
  const fillFor = { density: () => "#fff", rate: (k) => rateFills[classOf(k)], verdict: (k) => verdictFills[verdictOf(k)], pattern: (k) => patternFill(sideOf(grids.pattern[k])) };
  // one sign a kind of trend: told apart by its shape, hot or cold by its colour
  const signs = {
    new: "M0-6L1.6-1.9 6-1.9 2.5.8 3.7 5 0 2.5-3.7 5-2.5.8-6-1.9-1.6-1.9Z", consecutive: "M-6-4L-1 0-6 4ZM0-4L5 0 0 4Z",
    intensifying: "M0-5L5.5 4H-5.5Z", persistent: "M-4.5-4.5H4.5V4.5H-4.5Z", diminishing: "M0 5L5.5-4H-5.5Z",
    sporadic: "M-4-3h3v3h-3ZM2-4h3v3h-3ZM0 2h3v3h-3Z", oscillating: "M-6 3L-3-4 0 3 3-4 6 3 6 5.5 3-.5 0 6-3-.5-6 5.5Z",
    historical: "M-5 0A5 5 0 1 0 5 0 5 5 0 1 0-5 0ZM-2.4 0A2.4 2.4 0 1 1 2.4 0 2.4 2.4 0 1 1-2.4 0Z",
  };
  const ink = { [HOT]: "#8f1a0b", [COLD]: "#134f8e" };
  const Sign = L.CircleMarker.extend({
    _updatePath() {
      const pen = this._renderer._ctx;
      if (!this._renderer._drawing || this._empty()) return;
      pen.save();
      pen.translate(this._point.x, this._point.y);
      this.options.draw(pen);
      pen.restore();
    },
  });
  const trendSign = (pattern) => (pen) => {
    const path = new Path2D(signs[pattern.replace(/_.*/, "")] ?? "");
    Object.assign(pen, { lineWidth: 2.5, strokeStyle: "#fff", fillStyle: ink[sideOf(pattern)] ?? "#6b6962", lineJoin: "round" });
    pen.stroke(path);
    pen.fill(path, "evenodd");
  };
  const pileSign = (pen) => {
    Object.assign(pen, { lineWidth: 1.6, strokeStyle: "#2b2a27", fillStyle: "#fff" });
    const ring = new Path2D("M-7 0A7 7 0 1 0 7 0 7 7 0 1 0-7 0Z");
    pen.fill(ring);
    pen.stroke(ring);
    pen.stroke(new Path2D("M-3.4-3.4L3.4 3.4M-3.4 3.4L3.4-3.4"));
  };

  // ---- shapes: steps of millionths of a degree, longitude and latitude in turn
  const ring = (steps) => {
    const corners = [];
    for (let at = 0, lon = 0, lat = 0; at < steps.length; at += 2) corners.push([(lat += steps[at + 1]) / 1e6, (lon += steps[at]) / 1e6]);
    return corners;
  };
  const corners = (shape) => shape.map((part) => part.map(ring));
  for (const [name, zIndex] of [["land", 340], ["density", 350]]) {
    map.createPane(name).style.zIndex = zIndex;
    map.getPane(name).classList.add("gh-under");
  }
  L.polygon(data.zones.map(({ shape }) => corners(shape)).flat(), { renderer: L.canvas({ pane: "land", padding: 0.5 }), pane: "land", stroke: false, fillColor: "#fff", fillOpacity: 1, interactive: false }).addTo(map);
  const polygons = all.map((k) => L.polygon(corners(grids.shape[k]), { color: "#8d8b83", weight: 0.6, smoothFactor: 0.5 }).on("click", () => pick({ grid: k })).addTo(map));
  for (const { shape } of data.zones) L.polygon(corners(shape), { color: "#2f2d29", weight: 2.2, opacity: 0.85, fill: false, interactive: false, smoothFactor: 0.5 }).addTo(map);
  const casings = L.layerGroup().addTo(map), outlines = L.layerGroup().addTo(map), trends = L.layerGroup().addTo(map), aside = L.layerGroup().addTo(map);
  for (const [k, pile] of data.piles.entries()) if (pile.at) new Sign(pile.at, { radius: 8, draw: pileSign }).on("click", () => pick({ pile: k })).addTo(aside);
  let mark = null;

  // ---- density: a picture a period, made when it is first shown
  const pictures = density.images.map(() => null);
  const picture = (at) => (pictures[at] ??= L.imageOverlay(density.images[at], density.bounds, { pane: "density", opacity: 0, className: "gh-density", interactive: false }).addTo(map));
  function showDensity() {
    pictures.forEach((one) => one?.setOpacity(0));
    if (view.layer !== "density" || !density.images.length) return;
    picture(view.period).setOpacity(1);
    picture((view.period + 1) % density.images.length); // decoded before it is played
  }

  // ---- the map as the view says
  function paint() {
    const fill = fillFor[view.layer], clear = view.layer === "density";
    for (const k of all) polygons[k].setStyle({ fillColor: fill(k), fillOpacity: clear ? 0 : 1, color: clear ? "#77756d" : "#8d8b83", opacity: clear ? 0.45 : 1 });
    for (const group of [casings, outlines]) group.clearLayers();
    trends.clearLayers();
    if (view.layer === "pattern") {
      for (const k of all) if (sideOf(grids.pattern[k]) < NEITHER) new Sign(grids.sign[k], { radius: 7, draw: trendSign(grids.pattern[k]), interactive: false }).addTo(trends);
    } else if (view.layer !== "rate") {
      for (const k of all) {
        const state = verdictOf(k);
        if (state > COLD) continue;
        const { colour, dash } = data.outlines[data.verdicts[state].name];
        if (clear) L.polygon(polygons[k].getLatLngs(), { color: "#fff", weight: 5, fill: false, interactive: false, smoothFactor: 0.5 }).addTo(casings);
        L.polygon(polygons[k].getLatLngs(), { color: colour, weight: 2.4, dashArray: dash.map((part) => part * 2.4).join(" ") || null, lineCap: "butt", fill: false, interactive: false, smoothFactor: 0.5 }).addTo(outlines);
      }
    }
    outlines.eachLayer((one) => one.bringToFront());
    showDensity();
    if (mark) mark.bringToFront();
    aside.eachLayer((one) => one.bringToFront());
    showTime();
    showLegend();
    showCard();
  }

  // ---- bars of counts by period; what is hot or cold has a sign above it
  const svg = (tag, attributes, ...children) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };
  function bars(counts, { height, centre, width, stateAt }) {
    const most = Math.max(1, ...counts), drawn = svg("svg", { class: "gh-bars", role: "img", "aria-label": `${page.bars}: ${counts.map((n, at) => `${periods[at].name} ${n}`).join(page.comma)}` });
    const room = stateAt ? 10 : 0;
    counts.forEach((n, at) => {
      const tall = Math.max(n ? 1.5 : 0.5, ((height - room) * n) / most), middle = centre(at), state = stateAt?.(at);
      const told = [periods[at].name, cases(n), state < NEITHER ? words("verdicts", data.verdicts[state].name.replaceAll(" ", "_")) : "", periods[at].whole ? "" : page.part].filter(Boolean).join(page.dot);
      const fill = state < NEITHER ? { [HOT]: "#c8502f", [COLD]: "#4d86bb" }[state] : "#a9a69c";
      drawn.append(svg("rect", { x: `${middle - width * 0.4}%`, width: `${width * 0.8}%`, y: height - tall, height: tall, fill, "fill-opacity": periods[at].whole ? 1 : 0.5, class: view.period === at + 1 ? "gh-on" : "" }));
      if (state < NEITHER) drawn.append(Object.assign(svg("text", { x: `${middle}%`, y: height - tall - 2, "text-anchor": "middle", "font-size": 8, fill: ink[state] }), { textContent: state === HOT ? "▲" : "▼" }));
      const hit = svg("rect", { class: "gh-hit", x: `${middle - width / 2}%`, width: `${width}%`, y: 0, height }, Object.assign(svg("title", {}), { textContent: told }));
      hit.addEventListener("click", () => go(at + 1));
      drawn.append(hit);
    });
    return drawn;
  }

  // ---- time
  const head = el("details", "gh-panel gh-about"), card = el("section", "gh-panel gh-card gg-popup");
  const n = periods.length, moving = n > 1;
  const slider = Object.assign(el("input"), { type: "range", min: 0, max: n, step: 1, value: 0 });
  slider.setAttribute("aria-label", page.time);
  const play = Object.assign(el("button", "gh-play"), { type: "button" }), told = el("div", "gh-told"), strip = el("div", "gh-strip");
  told.setAttribute("aria-live", "polite");
  let clock = null;
  const face = () => { play.textContent = clock ? "❚❚" : "▶"; play.setAttribute("aria-label", clock ? page.pause : page.play); play.title = play.getAttribute("aria-label"); card.setAttribute("aria-live", clock ? "off" : "polite"); };
  const stop = () => { clearInterval(clock); clock = null; face(); };
  const go = (period) => { view.period = period; paint(); };
  slider.addEventListener("input", () => { stop(); go(Number(slider.value)); });
  play.addEventListener("click", () => {
    if (clock) return stop();
    const next = () => go(view.period >= n ? 1 : view.period + 1);
    clock = setInterval(next, 900);
    next();
    face();
  });
  face();
  function showTime() {
    const period = periods[view.period - 1], total = period ? period.cases : all.reduce((sum, k) => sum + grids.cases[k], 0);
    const name = period ? period.name : page.whole;
    slider.value = view.period;
    slider.setAttribute("aria-valuetext", name);
    told.replaceChildren(el("b", "", name), page.dot, said(page.in_grids, { n: whole.format(total) }));
    if (period) told.append(el("span", period.whole ? "gh-note gh-same" : "gh-note", page.dot + period.told + (period.whole ? "" : ` (${page.part})`)));
    if (view.period && view.layer === "pattern") told.append(page.dot, el("span", "gh-note", page.of_window));
    if (moving) strip.replaceChildren(bars(periods.map((one) => one.cases), { height: 34, centre: (at) => (100 * (at + 1)) / n, width: 100 / n }));
  }
  const layers = el("fieldset", "gh-layers");
  layers.setAttribute("aria-label", page.layers);
  for (const name of ["density", "rate", "verdict", "pattern"]) {
    const choice = Object.assign(el("input"), { type: "radio", name: "layer", value: name, checked: name === view.layer });
    choice.addEventListener("change", () => { view.layer = name; paint(); });
    layers.append(el("label", "", choice, texts.layers[name]));
  }
  layers.append(told);
  const bar = el("div", "gh-panel gh-bar", layers);
  bar.style.setProperty("--gh-periods", Math.max(n, 1));
  if (moving) bar.append(play, el("div", "gh-time", strip, slider));

  // ---- what this map is about
  const list = (items, kind = "ul") => el(kind, "", ...items.map((one) => el("li", "", one)));
  const link = (text, click) => { const made = Object.assign(el("button", "gh-link", text), { type: "button" }); made.addEventListener("click", click); return made; };
  const called = (k) => [grouped(grids.code[k]), grids.name[k]].filter(Boolean).join(page.dot);
  const land = L.latLngBounds(data.bounds).pad(0.5);
  const visit = (what, place) => { pick(what); if (place && land.contains(place) && !map.getBounds().contains(place)) map.panTo(place.getCenter?.() ?? place); };
  const toGrid = (k) => link(called(k), () => visit({ grid: k }, polygons[k].getBounds()));
  const body = el("div", "gh-about-body", el("p", "", about.counted));
  if (grids.code.length) body.append(el("p", "", about.chance));
  if (!density.images.length) body.append(el("p", "", page.no_density));
  if (about.piles.length) body.append(el("h2", "", page.aside), list([...about.piles.map((text, k) => link(text, () => visit({ pile: k }, data.piles[k].at && L.latLng(data.piles[k].at)))), ...[about.piles_more].filter(Boolean)]));
  if (about.notices.length) body.append(el("h2", "", page.notices), list(about.notices));
  // every grid can be reached by its code or name, without a pointer
  const find = Object.assign(el("input", "gh-find"), { type: "search", placeholder: page.find }), none = el("span", "gh-note");
  find.setAttribute("aria-label", page.find);
  none.setAttribute("role", "status");
  find.addEventListener("input", () => { none.textContent = ""; });
  find.addEventListener("keydown", ({ key }) => {
    const asked = find.value.trim(), code = asked.replace(/\s/g, "");
    if (key !== "Enter" || !asked) return;
    const tries = [(k) => grids.code[k] === code, (k) => grids.name[k] === asked, (k) => grids.name[k].includes(asked), (k) => grids.code[k].endsWith(code)];
    const found = tries.map((fits) => all.find(fits)).find((k) => k !== undefined);
    if (found === undefined) none.textContent = page.not_found;
    else visit({ grid: found }, polygons[found].getBounds());
  });
  body.append(find, none);
  if (data.hottest.length) body.append(el("h2", "", page.hottest), list(data.hottest.map(toGrid), "ol"));
  head.append(el("summary", "", el("h1", "", page.title), el("span", "", data.subject), el("span", "", about.window)), body);
  head.open = wide();
  const left = el("div", "gh-left", head, card);
  for (const box of [head, card, bar]) L.DomEvent.disableClickPropagation(box).disableScrollPropagation(box);
  container.append(left, bar);

  // ---- the card of what was picked
  function pick(what) {
    view.picked = what;
    if (mark) mark.remove();
    mark = what && what.grid !== undefined ? L.featureGroup([["#fff", 7], ["#1f1e1b", 3.5]].map(([color, weight]) => L.polygon(polygons[what.grid].getLatLngs(), { color, weight, fill: false, interactive: false }))).addTo(map) : null;
    if (what && !wide()) head.open = false;
    showCard();
    card.scrollTop = head.scrollTop = 0;
    if (mark && !wide()) { // the sheet from below must not hide what was picked
      const top = card.offsetTop, { y } = map.latLngToContainerPoint(mark.getBounds().getCenter());
      if (y > top - 40) map.panBy([0, y - (top + head.offsetHeight) / 2]);
    }
  }
  function titled(title, code, under) {
    const close = Object.assign(el("button", "gh-close", "×"), { type: "button", title: page.close });
    close.setAttribute("aria-label", page.close);
    close.addEventListener("click", () => pick(null));
    card.append(el("header", "", el("h2", code ? "gg-code" : "gg-code gh-plain", title), close), el("p", "", under));
  }
  function showCard() {
    card.hidden = !view.picked;
    card.style.display = view.picked ? "" : "none";
    card.replaceChildren();
    if (!view.picked) return;
    if (view.picked.pile !== undefined) return pileCard(data.piles[view.picked.pile]);
    gridCard(view.picked.grid);
  }
  function pileCard(pile) {
    titled(cases(pile.cases), false, page.aside);
    card.append(facts([["verdict", pile.reason], ["place", known(pile.at, (at) => at.map((part) => part.toFixed(5)).join(", "))]]));
  }
  const verdictWords = (state) => words("verdicts", data.verdicts[state].name.replaceAll(" ", "_"));
  function gridCard(k) {
    const zone = data.zones.find(({ code }) => code === grids.zone[k]);
    titled(grouped(grids.code[k]), true, [grids.name[k], zone && zone.name !== grids.name[k] ? zone.name : ""].filter(Boolean).join(page.dot));
    const rate = (value) => known(value, (there) => `${number.format(there)} ${data.rate.unit}`);
    if (view.period) {
      card.append(el("p", "gh-now", [periods[view.period - 1].name, cases(casesOf(k)), verdictWords(verdictOf(k))].join(page.dot)), el("p", "", rate(rateOf(k))));
    }
    if (moving) {
      card.append(bars(grids.counts[k], { height: 56, centre: (at) => (100 * (at + 0.5)) / n, width: 100 / n, stateAt: (at) => stateOf(k, at + 1) }));
      card.append(el("div", "gh-ends", el("span", "", periods[0].name), el("span", "", periods[n - 1].name)));
    }
    const list = facts([
      ["cases", whole.format(grids.cases[k])],
      ["rate", rate(grids.rate[k])],
      ["smoothed", known(grids.smoothed[k], number.format)],
      ["households", known(grids.households[k], whole.format)],
      ["verdict", verdictWords(grids.verdict[k])],
      ["z", known(grids.z[k], number.format)],
      ["p", known(grids.p[k], chance)],
      ["pattern", words("patterns", grids.pattern[k])],
      ["slope", grids.slope[k] === null ? undefined : number.format(grids.slope[k])],
    ]);
    if (grids.carried_by[k].length) {
      const carriers = el("dd");
      grids.carried_by[k].forEach((one, at) => carriers.append(at ? el("br") : "", typeof one === "number" ? toGrid(one) : grouped(one)));
      list.append(el("dt", "", texts.fields.carried_by), carriers);
    }
    card.append(el("p", "gh-now", page.whole), list);
  }
  document.addEventListener("keydown", ({ key }) => { if (key === "Escape" && view.picked) pick(null); });

  // ---- legend: what the layer shows, and how many grids are of each class
  const legendBody = el("div", "gg-legend-body"), legend = el("details", "gg-legend", el("summary", "", page.legend), legendBody);
  legend.open = wide();
  const row = (sign, text, count) => legendBody.append(el("div", "gg-row", sign, text, count === undefined ? "" : el("b", "", whole.format(count))));
  const stroke = (colour, width, dash = []) => sketch(26, 14, (pen) => {
    Object.assign(pen, { strokeStyle: colour, lineWidth: width });
    pen.setLineDash(dash.map((part) => part * width));
    pen.stroke(new Path2D("M0 7H26"));
  });
  const empty = sketch(32, 14, (pen) => { pen.strokeStyle = "#b3b1a8"; pen.strokeRect(0.5, 0.5, 31, 13); });
  const sign = (draw) => sketch(26, 14, (pen) => { pen.translate(13, 7); pen.scale(0.9, 0.9); draw(pen); });
  const tally = (of, size) => { const counts = Array(size).fill(0); for (const k of all) counts[of(k)] += 1; return counts; };
  const range = (low, high) => said(low === undefined ? texts.legend.up_to : high === undefined ? texts.legend.above : texts.legend.between, { low: low !== undefined && number.format(low), high: high !== undefined && number.format(high) });
  const outlined = (counts) => {
    for (const state of [HOT, COLD]) row(stroke(data.outlines[data.verdicts[state].name].colour, 2.4, data.outlines[data.verdicts[state].name].dash), verdictWords(state), counts[state]);
  };
  const legends = {
    density() {
      legendBody.append(el("h3", "", density.unit));
      density.limits.map((low, at) => [low, at]).reverse().forEach(([low, at]) => {
        const high = density.limits[at + 1];
        row(swatch(density.colours[at]), high === undefined ? said(texts.legend.limit, { low: number.format(low) }) : range(low, high));
      });
      row(...(density.limits.length ? [empty, said(texts.legend.below, { high: number.format(density.limits[0]) })] : ["", page.no_density]));
      legendBody.append(el("h3", "", texts.layers.verdict));
      outlined(tally(verdictOf, 4));
    },
    rate() {
      legendBody.append(el("h3", "", data.rate.unit));
      const counts = tally(classOf, last + 1), { limits } = data.rate;
      for (let at = last - 1; at >= 0; at -= 1) row(swatch(rateFills[at]), range(limits[at - 1], at === last - 1 && at ? undefined : limits[at]), counts[at]);
      row(swatch(rateFills[last]), verdictWords(NOT_ENOUGH), counts[last]);
    },
    verdict() {
      legendBody.append(el("h3", "", texts.layers.verdict));
      tally(verdictOf, 4).forEach((count, state) => row(swatch(verdictFills[state]), verdictWords(state), count));
    },
    pattern() {
      legendBody.append(el("h3", "", texts.layers.pattern));
      const counts = {};
      for (const k of all) counts[grids.pattern[k]] = (counts[grids.pattern[k]] ?? 0) + 1;
      const order = [...Object.keys(texts.patterns), ...Object.keys(counts).filter((key) => !(key in texts.patterns)).sort()];
      for (const key of order.filter((one) => counts[one])) row(sideOf(key) < NEITHER ? sign(trendSign(key)) : swatch(verdictFills[sideOf(key)]), words("patterns", key), counts[key]);
    },
  };
  function showLegend() {
    legendBody.replaceChildren();
    legends[view.layer]();
    legendBody.append(el("h3", "", texts.legend.borders));
    row(stroke("#2f2d29", 2.2), texts.legend.zone);
    row(stroke("#8d8b83", 0.8), texts.legend.grid);
    if (data.piles.length) row(sign(pileSign), texts.legend.pile, data.piles.length);
  }
  const control = L.control({ position: "topright" });
  control.onAdd = () => { L.DomEvent.disableClickPropagation(legend).disableScrollPropagation(legend); return legend; };
  control.addTo(map);

  // ---- the frame
  L.control.scale({ imperial: false, maxWidth: 120 }).addTo(map);
  map.attributionControl.setPrefix("Leaflet").addAttribution(data.attribution);
  const showLabels = zoneLabels(map, data.zones.filter(({ name }) => name), data.label_zoom);
  map.on("zoomend", showLabels);
  paint();
  const room = () => container.style.setProperty("--gh-bar", `${bar.offsetHeight + (wide() ? 10 : 6)}px`);
  new ResizeObserver(room).observe(bar);
  room();
  const desk = window.innerWidth > 900;
  map.fitBounds(data.bounds, { paddingTopLeft: [desk ? 320 : 12, desk ? 16 : 90], paddingBottomRight: [desk ? 270 : 12, bar.offsetHeight + 40], animate: false });
  showLabels();
}
