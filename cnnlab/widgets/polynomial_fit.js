// A polynomial fitted to points from a noisy sine, with a ridge penalty. No imports; all computation is here.

const ORDERS = 10; // coefficients w0 … w9
const TEST_POINTS = 200;
const RIDGE = [0]; // where the slider stops: 0, 1e-12, 3e-12, …, 10
for (let power = -12; power < 1; power++) RIDGE.push(Number(`1e${power}`), Number(`3e${power}`));
RIDGE.push(10);
const POINT = "#E69F00"; // Okabe and Ito's colours, as in the book's other figures
const CURVE = "#0072B2";
const NEGATIVE = "#D55E00";
const SINE = "#009E73";

const sine = (x) => Math.sin(2 * Math.PI * x);

// Training points evenly from 0 to 1, test points between them; the noise grows with its slider, its pattern stays.
export function data(seed, points, noise) {
  const draw = normals(seed);
  const noisy = (x) => ({ x, t: sine(x) + noise * draw() });
  const test = Array.from({ length: TEST_POINTS }, (_, i) => noisy((i + 0.5) / TEST_POINTS));
  const train = Array.from({ length: points }, (_, i) => noisy(i / (points - 1)));
  return { train, test };
}

// Least squares by Householder reflections on rows [a | b]: no normal equations, whose condition would be squared.
export function leastSquares(rows) {
  const n = rows[0].length - 1;
  const R = rows.map((row) => [...row]);
  for (let k = 0; k < n; k++) {
    const below = R.slice(k);
    const v = below.map((row) => row[k]);
    const norm = Math.hypot(...v);
    if (norm === 0) continue;
    v[0] += v[0] > 0 ? norm : -norm;
    const size = v.reduce((sum, value) => sum + value * value, 0);
    for (let j = k; j <= n; j++) {
      const factor = (2 * below.reduce((sum, row, i) => sum + v[i] * row[j], 0)) / size;
      below.forEach((row, i) => (row[j] -= factor * v[i]));
    }
  }
  const w = Array(n).fill(0);
  for (let k = n - 1; k >= 0; k--) {
    const rest = R[k].slice(k + 1, n).reduce((sum, value, i) => sum + value * w[k + 1 + i], 0);
    w[k] = (R[k][n] - rest) / R[k][k];
  }
  return w;
}

// Minimises mean (f(x) − t)² + λ Σ w_j² over j ≥ 1; the constant w0 is not penalised.
export function fit(train, order, ridge) {
  const scale = 1 / Math.sqrt(train.length);
  const powers = (x) => Array.from({ length: order + 1 }, (_, j) => x ** j);
  const rows = train.map(({ x, t }) => [...powers(x), t].map((value) => value * scale));
  for (let j = 1; j <= order && ridge > 0; j++) {
    rows.push(Array.from({ length: order + 2 }, (_, i) => (i === j ? Math.sqrt(ridge) : 0)));
  }
  return leastSquares(rows);
}

export const value = (w, x) => w.reduceRight((sum, coefficient) => sum * x + coefficient, 0);

export function rmse(points, f) {
  return Math.sqrt(points.reduce((sum, { x, t }) => sum + (f(x) - t) ** 2, 0) / points.length);
}

// What is seen, from how far the curve is from the sine (`off`), and how far it would be without noise (`bias`).
function reading(training, { off, bias, noise, order, points }) {
  const through = training < 1e-6 && noise > 0;
  if (!through && off <= Math.max(0.12, 0.9 * noise)) return `The curve of order ${order} stays close to the sine.`;
  if (bias > off / Math.SQRT2) return "The curve is too stiff for the sine: it underfits.";
  const how = through ? `passes through all ${points} points` : "follows the noise of its points";
  return `The curve ${how} and misses the sine between them: it overfits.`;
}

function render({ model, el }) {
  const control = (...settings) => slider(model, ...settings);
  const again = element("button", { type: "button", style: BUTTON }, "Draw new points");
  again.addEventListener("click", () => {
    model.set("seed", model.get("seed") + 1);
    model.save_changes();
  });
  const controls = element("div", { style: CONTROLS },
    control("order", "order M", { min: 0, max: ORDERS - 1, step: 1 }, (v) => `${v}`),
    control("ridge", "penalty λ", { values: RIDGE }, (v) => (v ? v.toExponential(0).replace("-", "−") : "0")),
    control("noise", "noise", { min: 0, max: 1, step: 0.05 }, (v) => v.toFixed(2)),
    control("points", "points", { min: 10, max: 100, step: 5 }, (v) => `${v}`),
    again,
  );
  const curves = plot(
    "The points, the sine they come from and the fitted polynomial",
    { from: -0.03, to: 1.03, ticks: [0, 0.5, 1], name: "x" },
    { from: -2, to: 2, ticks: [-2, -1, 0, 1, 2], name: "t" },
  );
  const bars = plot(
    "The size of each coefficient on a logarithmic axis",
    { from: -0.6, to: ORDERS - 0.4, ticks: [...Array(ORDERS).keys()], name: "coefficient j" },
    { from: -2, to: 7, ticks: [-2, 0, 2, 4, 6], name: "|w|", text: (v) => ["0.01", "1", "100", "10⁴", "10⁶"][v / 2 + 1] },
  );
  const words = element("p", { "aria-live": "polite", style: WORDS });
  const colors = legend([POINT, "training points"], [SINE, "sine"], [CURVE, "fit; coefficient > 0"],
    [NEGATIVE, "coefficient < 0"]);
  el.replaceChildren(controls, element("div", { style: PANELS }, curves.svg, bars.svg), colors, words);

  function show() {
    const [order, noise, points] = ["order", "noise", "points"].map((name) => model.get(name));
    const { train, test } = data(model.get("seed"), points, noise);
    const w = fit(train, order, model.get("ridge"));
    const f = (x) => value(w, x);
    const grid = Array.from({ length: 301 }, (_, i) => i / 300);
    const line = (g, stroke) => curves.line(grid.map((x) => [x, g(x)]), { stroke, "stroke-width": 2 });
    curves.draw(
      line(sine, SINE),
      ...train.map(({ x, t }) => element("circle", { cx: curves.X(x), cy: curves.Y(t), r: 3.5, fill: POINT })),
      line(f, CURVE),
    );
    bars.draw(...w.map((coefficient, j) => {
      const top = bars.Y(Math.max(-2, Math.log10(Math.abs(coefficient))));
      return element("rect", {
        x: bars.X(j - 0.35), width: bars.X(0.7) - bars.X(0), y: top, height: bars.Y(-2) - top,
        fill: coefficient > 0 ? CURVE : NEGATIVE,
      });
    }));
    const errors = [rmse(train, f), rmse(test, f)];
    const exact = grid.map((x) => ({ x, t: sine(x) }));
    const clean = fit(train.map(({ x }) => ({ x, t: sine(x) })), order, model.get("ridge"));
    const [off, bias] = [w, clean].map((v) => rmse(exact, (x) => value(v, x)));
    const largest = Math.max(...w.map(Math.abs));
    const size = largest < 100 ? largest.toFixed(2) : Math.round(largest).toLocaleString("en");
    words.textContent =
      `Root mean squared error: training ${errors[0].toFixed(3)}, test ${errors[1].toFixed(3)}` +
      ` (the noise alone makes ${noise.toFixed(2)}). Largest coefficient: ${size}. ` +
      reading(errors[0], { off, bias, noise, order, points });
  }

  for (const name of ["order", "ridge", "noise", "points", "seed"]) model.on(`change:${name}`, show);
  show();
}

export default { render };
