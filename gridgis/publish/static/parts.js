// What stand-alone maps have in common: words, numbers, fills with hatching, names of zones. Asks nothing of any network.
function gridgisParts(texts) {
  const number = new Intl.NumberFormat(texts.language);
  const percent = new Intl.NumberFormat(texts.language, { style: "percent" });
  const el = (tag, className = "", ...children) => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    made.append(...children);
    return made;
  };
  const known = (value, write) => (value === undefined || value === null ? texts.fields.unknown : write(value));
  const words = (section, key) => texts[section][key.replace(/\./g, "_")] ?? key.replace(/[_.]/g, " ");
  const grouped = (code) =>
    /^\d{12}$|^\d{15}$|^\d{17}$/.test(code)
      ? code.replace(/^(\d{6})(\d{3})(\d{3})(\d{3})?(\d{2})?$/, "$1 $2 $3 $4 $5").trim()
      : code;
  const facts = (rows) => {
    const list = el("dl");
    for (const [key, value] of rows) if (value !== undefined && value !== "") list.append(el("dt", "", texts.fields[key]), el("dd", key === "code" ? "gg-mono" : "", value));
    return list;
  };

  // ---- fills: a colour, and lines or dots over it that say the same without colour
  function tile({ fill, ink, hatch }) {
    const canvas = Object.assign(document.createElement("canvas"), { width: 10, height: 10 });
    const pen = canvas.getContext("2d");
    pen.fillStyle = fill;
    pen.fillRect(0, 0, 10, 10);
    pen.strokeStyle = pen.fillStyle = ink;
    pen.lineWidth = 0.8;
    pen.globalAlpha = 0.7;
    pen.beginPath();
    for (const shift of [-10, 0, 10]) {
      if (hatch === "rising") { pen.moveTo(shift - 1, 11); pen.lineTo(shift + 11, -1); }
      if (hatch === "falling") { pen.moveTo(shift - 1, -1); pen.lineTo(shift + 11, 11); }
    }
    pen.stroke();
    if (hatch === "dots") pen.fillRect(4, 4, 1.5, 1.5);
    return pen.createPattern(canvas, "repeat");
  }
  const fillOf = (band) => (band.hatch === "none" ? band.fill : tile(band));
  // a small drawing at twice its size, for screens with fine pixels
  function sketch(width, height, draw) {
    const canvas = Object.assign(document.createElement("canvas"), { width: width * 2, height: height * 2 });
    const pen = canvas.getContext("2d");
    pen.scale(2, 2);
    draw(pen);
    return canvas;
  }
  const swatch = (fill) => sketch(32, 14, (pen) => { pen.fillStyle = fill; pen.fillRect(0, 0, 32, 14); });

  // ---- names of zones, those that have room: the one listed first stays
  function zoneLabels(map, zones, fromZoom) {
    const labels = L.layerGroup(
      zones.map(({ at, name }) =>
        L.marker(at, { interactive: false, keyboard: false, icon: L.divIcon({ className: "gg-label", iconSize: [0, 0], html: el("span", "", name) }) }),
      ),
    );
    return function show() {
      if (map.getZoom() < fromZoom) return labels.remove();
      labels.addTo(map);
      const taken = [];
      labels.eachLayer((label) => {
        const text = label.getElement().firstChild, box = text.getBoundingClientRect();
        const free = taken.every((other) => box.right < other.left || box.left > other.right || box.bottom < other.top || box.top > other.bottom);
        text.style.visibility = free ? "" : "hidden";
        if (free) taken.push(box);
      });
      return labels;
    };
  }
  return { number, percent, el, known, words, grouped, facts, fillOf, sketch, swatch, zoneLabels };
}
