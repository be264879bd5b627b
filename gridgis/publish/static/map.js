// The stand-alone map: draws what gridgis/publish/folium_map.py put into the page. Asks nothing of any network.
function gridgisMap(map, data) {
  const { texts, bands } = data;
  const { number, percent, el, known, words, grouped, facts, fillOf, sketch, swatch, zoneLabels } = gridgisParts(texts);
  const fills = Object.fromEntries(bands.map((one) => [one.name, fillOf(one)]));

  // ---- layers
  const marks = { zone: { color: "#2f2d29", weight: 3.6 }, microgrid: { color: "#8d8b83", weight: 0.5 } };
  const strokes = data.strokes.filter(({ name }) => data.borders.features.some(({ properties: p }) => p.level !== "microgrid" && p.stroke === name));
  const picked = { color: "#1f1e1b", weight: 3, fill: false, interactive: false };
  let mark = null;
  const unmark = () => { if (mark) mark.remove(); mark = null; };
  const pick = (geometry) => { unmark(); mark = L.geoJSON(geometry, { style: picked }).addTo(map); };
  const grids = L.geoJSON(data.grids, {
    style: ({ properties }) => ({ stroke: false, fillOpacity: 1, fillColor: fills[properties.band] }),
  }).bindPopup(({ feature }) => { pick(feature); return gridCard(feature.properties); }, { maxWidth: 320, minWidth: 250 });
  map.on("popupclose", unmark);
  const lines = (chosen, style) => L.geoJSON(data.borders, { filter: ({ properties }) => chosen(properties), interactive: false, smoothFactor: 0.5, style });
  grids.addTo(map);
  const fine = lines(({ level }) => level === "microgrid", { ...marks.microgrid, opacity: 0.8 });
  const showFine = () => (map.getZoom() >= data.fine_zoom ? fine.addTo(map).bringToBack() && grids.bringToBack() : fine.remove());
  lines(({ level }) => level === "zone", { ...marks.zone, opacity: 0.9 }).addTo(map);
  for (const { name, colour, width, dash } of strokes)
    lines(({ level, stroke }) => level !== "microgrid" && stroke === name, { color: colour, weight: width, lineCap: dash.length ? "butt" : "round", dashArray: dash.map((part) => part * width).join(" ") || null }).addTo(map);

  // ---- findings: a diamond must be mended, a triangle is to be looked at
  const Sign = L.CircleMarker.extend({
    _updatePath() {
      const pen = this._renderer._ctx, { x, y } = this._point, r = this._radius;
      if (!this._renderer._drawing || this._empty()) return;
      const turn = this.options.hard ? [[0, -r], [r, 0], [0, r], [-r, 0]] : [[0, -r], [r, r * 0.8], [-r, r * 0.8]];
      pen.beginPath();
      turn.forEach(([dx, dy], at) => (at ? pen.lineTo(x + dx, y + dy) : pen.moveTo(x + dx, y + dy)));
      pen.closePath();
      this._renderer._fillStroke(pen, this);
    },
  });
  const signStyle = {
    hard: { hard: true, radius: 8, color: "#fff", weight: 1.5, fillColor: "#c02b1d", fillOpacity: 1 },
    finding: { hard: false, radius: 6, color: "#5d430f", weight: 1.2, fillColor: "#ffd25e", fillOpacity: 1 },
  };
  const kindOf = ({ severity, code }) => (severity === "hard" ? "hard" : (code ?? "").length === 17 ? "micro" : "finding");
  signStyle.micro = { ...signStyle.finding, radius: 4 };
  const signs = (kind) =>
    L.geoJSON(data.offenders, {
      filter: ({ properties }) => kindOf(properties) === kind,
      pointToLayer: (_, at) => new Sign(at, signStyle[kind]),
    }).bindPopup(({ feature }) => { if (feature.properties.shape) pick(feature.properties.shape); return signCard(feature.properties); }, { maxWidth: 320, minWidth: 250 });
  const findings = signs("finding"), micro = signs("micro"), hard = signs("hard").addTo(map);
  const showFindings = () => {
    for (const [layer, from] of [[micro, data.fine_zoom], [findings, data.findings_zoom]]) map.getZoom() >= from ? layer.addTo(map) : layer.remove();
    hard.bringToFront();
  };

  const showLabels = zoneLabels(map, data.zones, data.label_zoom);
  map.on("zoomend", () => { showFine(); showFindings(); showLabels(); });

  // ---- cards
  function rangeBar(households, { min, max }) {
    const end = Math.max(max * 1.3, households * 1.08), at = (value) => `${(100 * value) / end}%`;
    const range = el("div", "gg-bar-range"), value = el("div", "gg-bar-value");
    Object.assign(range.style, { left: at(min), width: at(max - min) });
    value.style.left = at(households);
    const tick = (edge) => Object.assign(el("span", "", number.format(edge)), { style: `left:${at(edge)}` });
    return el("div", "gg-bar", range, value, tick(min), tick(max));
  }
  function gridCard(grid) {
    const range = data.ranges[grid.kind], card = el("div", "gg-popup");
    card.append(el("h2", "gg-code", grouped(grid.code)), el("p", "", [grid.name, words("kinds", grid.kind)].filter(Boolean).join(" · ")));
    if (range && grid.households !== undefined) card.append(rangeBar(grid.households, range));
    const state = range && !["empty", "unranged"].includes(grid.band) ? ` (${texts.bands[["below", "above"].includes(grid.band) ? grid.band : "in_range"]})` : "";
    card.append(
      facts([
        ["households", known(grid.households, number.format) + state],
        ["range", range && `${number.format(range.min)}–${number.format(range.max)}`],
        ["households_from", grid.from && words("sources", grid.from)],
        ["zone", data.zone_names[grid.zone] || grouped(grid.zone)],
        ["area_m2", known(grid.area_m2, (area) => `${number.format(area)} m²`)],
        ["border_on_road", grid.border_on_road === undefined ? undefined : percent.format(grid.border_on_road)],
        ["flags", (grid.flags || []).map((flag) => words("flags", flag)).join(texts.page.comma)],
      ]),
    );
    return card;
  }
  function signCard(sign) {
    return el(
      "div", "gg-popup",
      el("h2", "gg-code", words("rules", sign.rule)),
      el("p", "", texts.severities[sign.severity] ?? sign.severity),
      facts([["detail", sign.detail], ["code", sign.code && grouped(sign.code)], ["clause", sign.clause]]),
    );
  }

  // ---- legend
  function legend() {
    const body = el("div", "gg-legend-body"), ramp = el("div", "gg-ramp"), ends = el("div", "gg-ramp-ends");
    const inRamp = bands.filter(({ name }) => /^(below|above|range\d)$/.test(name));
    ramp.append(...inRamp.map(({ name }) => swatch(fills[name])));
    for (const [text, after] of [[texts.bands.minimum, 1], [texts.bands.maximum, inRamp.length - 1]])
      ends.append(Object.assign(el("span", "", text), { style: `left:${(100 * after) / inRamp.length}%` }));
    body.append(el("h3", "", texts.legend.households), ramp, ends);
    for (const [kind, { min, max }] of Object.entries(data.ranges))
      body.append(el("div", "gg-row", texts.legend.range.replace("{kind}", words("kinds", kind)).replace("{min}", number.format(min)).replace("{max}", number.format(max))));
    const row = (sign, text, count) => count !== 0 && body.append(el("div", "gg-row", sign, text, count === undefined ? "" : el("b", "", number.format(count))));
    const line = ({ colour, width, dash }, mark) => sketch(32, 14, (pen) => {
      for (const one of [mark && { colour: mark.color, width: mark.weight, dash: [] }, colour && { colour, width, dash }].filter(Boolean)) {
        Object.assign(pen, { strokeStyle: one.colour, lineWidth: one.width });
        pen.setLineDash(one.dash.map((part) => part * one.width));
        pen.stroke(new Path2D("M0 7H32"));
      }
    });
    const sign = (severity) => sketch(26, 14, (pen) => {
      const marker = new Sign([0, 0], { ...signStyle[severity], radius: 6 });
      Object.assign(marker, { _point: { x: 13, y: 7 }, _radius: 6, _renderer: { _ctx: pen, _drawing: true, _fillStroke: L.Canvas.prototype._fillStroke }, _empty: () => false });
      marker._updatePath();
    });
    for (const name of ["below", "in_range", "above", "empty", "unranged"])
      row(swatch(fills[name === "in_range" ? "range3" : name]), texts.bands[name], data.counts[name]);
    body.append(el("h3", "", texts.legend.borders));
    const plain = data.strokes.find(({ name }) => name === "plain"), told = strokes.filter(({ name }) => name !== "plain");
    row(line(plain, marks.zone), texts.levels.zone);
    if (!told.length) row(line(plain), texts.levels.grid);
    for (const stroke of told.reverse()) row(line(stroke), texts.strokes[stroke.name]);
    if (data.borders.features.some(({ properties }) => properties.level === "microgrid")) row(line({}, marks.microgrid), texts.levels.microgrid);
    if (data.counts.hard + data.counts.finding) body.append(el("h3", "", texts.legend.offenders));
    for (const severity of ["hard", "finding"]) row(sign(severity), texts.severities[severity], data.counts[severity]);
    const box = el("details", "gg-legend", el("summary", "", texts.page.legend), body);
    box.open = window.innerWidth > 600;
    L.DomEvent.disableClickPropagation(box).disableScrollPropagation(box);
    return box;
  }
  const control = L.control({ position: "topright" });
  control.onAdd = legend;
  control.addTo(map);
  L.control.scale({ imperial: false, maxWidth: 120 }).addTo(map);
  map.attributionControl.setPrefix("Leaflet").addAttribution(data.attribution);
  map.getContainer().classList.add("gg-map");
  map.fitBounds(data.bounds, { paddingTopLeft: [50, 16], paddingBottomRight: [window.innerWidth > 900 ? 260 : 16, 30], animate: false });
  showFine(); showFindings(); showLabels();
}
