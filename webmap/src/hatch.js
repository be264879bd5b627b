// Fills that say by lines or dots what they say by colour. Drawn at twice the size for fine screens.
const SIZE = 9, SCALE = 2;

function canvas(width, height) {
  const made = Object.assign(document.createElement("canvas"), { width: width * SCALE, height: height * SCALE });
  const pen = made.getContext("2d");
  pen.scale(SCALE, SCALE);
  return [made, pen];
}

function paint(pen, { fill, ink, hatch }, width, height) {
  pen.fillStyle = fill;
  pen.fillRect(0, 0, width, height);
  pen.strokeStyle = pen.fillStyle = ink;
  pen.lineWidth = 0.8;
  pen.globalAlpha = 0.75;
  pen.beginPath();
  for (let shift = -height; shift < width + height; shift += SIZE) {
    if (hatch === "rising") pen.moveTo(shift, height), pen.lineTo(shift + height, 0);
    if (hatch === "falling") pen.moveTo(shift, 0), pen.lineTo(shift + height, height);
  }
  pen.stroke();
  if (hatch === "dots") for (let x = 3; x < width; x += SIZE) for (let y = 3; y < height; y += SIZE) pen.fillRect(x, y, 1.4, 1.4);
}

// One tile that joins its copies on all sides.
export function tile(band) {
  const [made, pen] = canvas(SIZE, SIZE);
  paint(pen, band, SIZE, SIZE);
  return { image: made.getContext("2d").getImageData(0, 0, made.width, made.height), pixelRatio: SCALE };
}

export function swatch(band, width = 28, height = 14) {
  const [made, pen] = canvas(width, height);
  paint(pen, band, width, height);
  made.className = "swatch";
  return made;
}

// A line as the map draws it, for the legend.
export function stroke({ colour, width, dash }, length = 28, height = 14) {
  const [made, pen] = canvas(length, height);
  Object.assign(pen, { strokeStyle: colour, lineWidth: width * 1.2 });
  pen.setLineDash(dash.map((part) => part * width * 1.2));
  pen.stroke(new Path2D(`M0 ${height / 2}H${length}`));
  made.className = "swatch";
  return made;
}

// Signs of offenders: a diamond must be mended, a triangle is to be looked at.
const SHAPES = {
  hard: { outline: [[0, -7], [7, 0], [0, 7], [-7, 0]], fill: "#c02b1d", edge: "#ffffff" },
  finding: { outline: [[0, -6], [6, 5], [-6, 5]], fill: "#ffd25e", edge: "#5d430f" },
};
export function marker(severity) {
  const [made, pen] = canvas(18, 18);
  const { outline, fill, edge } = SHAPES[severity];
  pen.translate(9, 9);
  pen.beginPath();
  outline.forEach(([x, y], at) => (at ? pen.lineTo(x, y) : pen.moveTo(x, y)));
  pen.closePath();
  pen.fillStyle = fill;
  pen.strokeStyle = edge;
  pen.lineWidth = 1.3;
  pen.lineJoin = "round";
  pen.fill();
  pen.stroke();
  return { canvas: made, image: made.getContext("2d").getImageData(0, 0, made.width, made.height), pixelRatio: SCALE };
}
