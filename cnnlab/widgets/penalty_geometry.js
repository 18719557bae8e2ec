// Where a quadratic loss meets an L1 and an L2 penalty in two dimensions. No imports; all computation is here.

const STEEP = 1; // the loss's curvature along its short and its long axis
const FLAT = 0.2;
const LOSS = "#0072B2"; // Okabe and Ito's colours, as in the book's other figures
const BUDGET = "#E69F00";
const OPTIMUM = "#D55E00";

// The loss is ½ (w − c)ᵀ A (w − c); its long axis is turned by `tilt` degrees against the first axis.
export function curvature(tilt) {
  const [c, s] = [Math.cos((tilt * Math.PI) / 180), Math.sin((tilt * Math.PI) / 180)];
  const cross = (FLAT - STEEP) * c * s;
  return [[FLAT * c * c + STEEP * s * s, cross], [cross, FLAT * s * s + STEEP * c * c]];
}

// Minimises loss + λ (|w₁| + |w₂|) one coordinate at a time, until nothing changes; the zeros are exact.
export function lasso(A, c, strength) {
  const w = [...c];
  for (let sweep = 0; sweep < 10000; sweep++) {
    const before = [...w];
    for (const i of [0, 1]) {
      const pull = A[i][i] * c[i] + A[i][1 - i] * (c[1 - i] - w[1 - i]);
      const left = Math.abs(pull) - strength;
      w[i] = left > 1e-12 ? (Math.sign(pull) * left) / A[i][i] : 0; // a tie up to rounding is a zero
    }
    if (w[0] === before[0] && w[1] === before[1]) break;
  }
  return w;
}

// Minimises loss + λ (w₁² + w₂²): (A + 2λI) w = A c.
export function ridge(A, c, strength) {
  const b = [0, 1].map((i) => A[i][0] * c[0] + A[i][1] * c[1]);
  const [p, q, r] = [A[0][0] + 2 * strength, A[0][1], A[1][1] + 2 * strength];
  const determinant = p * r - q * q;
  return [(r * b[0] - q * b[1]) / determinant, (p * b[1] - q * b[0]) / determinant];
}

export function loss(A, c, w) {
  const [x, y] = [w[0] - c[0], w[1] - c[1]];
  return 0.5 * (A[0][0] * x * x + 2 * A[0][1] * x * y + A[1][1] * y * y);
}

const STRENGTHS = Array.from({ length: 81 }, (_, i) => 10 ** (i / 20 - 2)); // for the path of the optimum
const ANGLES = Array.from({ length: 91 }, (_, i) => (i * Math.PI) / 45);
const round = (f) => ANGLES.map((angle) => f(Math.cos(angle), Math.sin(angle)));
const number = (v) => (Number(v.toFixed(2)) + 0).toFixed(2).replace("-", "−"); // no −0.00
const point = (w) => `(${w.map((v) => (v === 0 ? "0" : number(v))).join(", ")})`;

function zeros(w) {
  const names = ["w₁", "w₂"].filter((_, i) => w[i] === 0);
  if (names.length === 2) return "both are exactly 0";
  return names.length ? `${names[0]} is exactly 0` : "neither is exactly 0";
}

function render({ model, el }) {
  const control = (...settings) => slider(model, ...settings);
  const controls = element("div", { style: CONTROLS },
    control("strength", "strength λ", { min: 0, max: 2, step: 0.02 }, (v) => v.toFixed(2)),
    control("tilt", "tilt of the ellipse", { min: 0, max: 180, step: 5 }, (v) => `${v}°`),
    control("center_1", "its centre, w₁", { min: -2.5, max: 2.5, step: 0.1 }, number),
    control("center_2", "its centre, w₂", { min: -2.5, max: 2.5, step: 0.1 }, number),
  );
  const axis = { from: -3.2, to: 3.2, ticks: [-2, 0, 2] };
  const panels = ["L1: λ (|w₁| + |w₂|)", "L2: λ (w₁² + w₂²)"].map((name) =>
    plot(`${name}: the loss's contours, the penalty's contour through the optimum, and the optimum`,
      { ...axis, name: "w₁" }, { ...axis, name: "w₂" }, [334, 326]));
  const words = element("p", { "aria-live": "polite", style: WORDS });
  const colors = legend(
    [LOSS, "loss: contours, minimum (×)"], [BUDGET, "equal penalty"], [OPTIMUM, "optimum; its path as λ grows"]);
  el.replaceChildren(controls, element("div", { style: PANELS }, ...panels.map((panel) => panel.svg)), colors, words);

  function show() {
    const [strength, tilt] = [model.get("strength"), model.get("tilt")];
    const c = [model.get("center_1"), model.get("center_2")];
    const A = curvature(tilt);
    const turn = (tilt * Math.PI) / 180;
    const optima = [lasso(A, c, strength), ridge(A, c, strength)];
    panels.forEach(({ X, Y, draw, line }, l2) => {
      const w = optima[l2];
      const contour = (level, width) => line(round((x, y) => {
        const [u, v] = [x * Math.sqrt((2 * level) / FLAT), y * Math.sqrt((2 * level) / STEEP)];
        return [c[0] + u * Math.cos(turn) - v * Math.sin(turn), c[1] + u * Math.sin(turn) + v * Math.cos(turn)];
      }), { stroke: LOSS, "stroke-width": width });
      const size = l2 ? Math.hypot(...w) : Math.abs(w[0]) + Math.abs(w[1]);
      const diamond = [[size, 0], [0, size], [-size, 0], [0, -size], [size, 0]];
      const budget = l2 ? round((x, y) => [size * x, size * y]) : diamond;
      const path = [c, ...STRENGTHS.map((s) => (l2 ? ridge : lasso)(A, c, s))];
      draw(
        line([[-4, 0], [4, 0]], { stroke: "currentColor", "stroke-opacity": 0.35 }),
        line([[0, -4], [0, 4]], { stroke: "currentColor", "stroke-opacity": 0.35 }),
        line(budget, { fill: BUDGET, "fill-opacity": 0.35, stroke: BUDGET, "stroke-width": 2 }),
        ...[0.05, 0.2, 0.45, 0.8, 1.25].map((level) => contour(level, 0.7)),
        contour(loss(A, c, w), 2.5),
        line(path, { stroke: OPTIMUM, "stroke-dasharray": "3 3", "stroke-width": 1.5 }),
        element("text", { x: X(c[0]), y: Y(c[1]) + 6, fill: LOSS, "font-size": 18, "text-anchor": "middle" }, "×"),
        element("circle", { cx: X(w[0]), cy: Y(w[1]), r: 5, fill: OPTIMUM }),
        element("text", { x: X(-3.1), y: Y(2.75), fill: "currentColor", "font-size": 13 }, l2 ? "L2" : "L1"),
      );
    });
    words.textContent = strength === 0
      ? `Without a penalty both optima are the loss's minimum, ${point(c)}.`
      : ["L1", "L2"].map((name, i) => `${name}: the optimum is ${point(optima[i])}, ${zeros(optima[i])}.`).join(" ");
  }

  for (const name of ["strength", "tilt", "center_1", "center_2"]) model.on(`change:${name}`, show);
  show();
}

export default { render };
